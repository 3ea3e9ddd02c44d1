"""Making chips of real imagery: an ARD in, a folder of numbered chips out."""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from potato.ard.naming import read_allow_list
from potato.chips.chip import SIZE
from potato.chips.cutting import Cut, Cutter
from potato.chips.fill import Filled, check_chip_numbers, fill_folder
from potato.chips.folder import open_folder
from potato.chips.survey import Shape, Skip, Survey, survey_ard
from potato.core.sensors import Sensor
from potato.core.text import counted, first_names, one_line
from potato.core.types import PathLike
from potato.engine.executor import open_executor
from potato.errors import InputError, OutputError
from potato.raster.band_finding import known_sensor
from potato.raster.gdal_env import is_remote
from potato.raster.output_files import check_folder, check_log, open_log
from potato.raster.remote import bytes_moved, reset_bytes_moved

SENSORS = ("WV02", "WV03")
"""The sensors that chips are cut of if none is named: those of the shipped weights."""


@dataclass(frozen=True)
class MadeChips(Filled):
    """The result of `make_chips`: a `Filled` folder and more.

    Attributes:
        skipped: number of items of the ARD that weren't used, by kind of reason.
        passed: number of tiles and windows that were tried and gave no chip, by kind of reason.
        warnings: lines that were passed to `tell` before the work started.
        plan: digest of source and settings; the same plan gives the same chips.
        bytes_moved: bytes of images fetched over the network; None for a local source, for workers
            of a cluster, or if GDAL doesn't count.
    """

    skipped: dict[str, int]
    passed: dict[str, int]
    warnings: tuple[str, ...]
    plan: str
    bytes_moved: int | None

    def __str__(self) -> str:
        """The lines that the command prints."""
        moved = "" if self.bytes_moved is None else f", {self.bytes_moved / 1e6:.1f} MB moved"
        lines = [super().__str__() + moved]
        lines += [f"not used: {counted(count, 'tile')}, {reason}" for reason, count in self.skipped.items()]
        lines += [
            f"tried in vain: {counted(count, 'place')}, {reason}" for reason, count in self.passed.items()
        ]
        return "\n".join(lines)


def make_chips(
    ard_dir: PathLike,
    chip_dir: PathLike,
    *,
    count: int = 1024,
    starting_from: int = 0,
    sensors: Sequence[str] = SENSORS,
    allow_list: PathLike | None = None,
    max_clouds: float = 100.0,
    minimum_valid: float = 0.99,
    extra_halving: bool = True,
    size: int = SIZE,
    log: PathLike | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    follow_links: bool = False,
    progress: bool = False,
    tell: Callable[[str], None] | None = None,
) -> MadeChips:
    """Cut training chips out of an ARD.

    Chip n of a source is always the same, byte for byte, whatever the folder, the chips before it
    and the number of workers. Chips that are there already stay. So repeating a run that was cut
    short, even by a kill, finishes it, and `count=1024` followed by
    `count=1024, starting_from=1024` gives the chips of `count=2048`.

    Args:
        ard_dir: an ARD: a local folder, `s3://bucket/prefix`, or `https://…`. Of its images, only
            the windows that become chips are read.
        chip_dir: the folder for `0.pt`, `1.pt`, … and `manifest.jsonl`; made if it isn't there.
        count: how many chips.
        starting_from: number of the first chip.
        sensors: names of the sensors whose tiles are used; they must have the same bands.
        allow_list: a text file of CIDs to use, one a line; None for all.
        max_clouds: percent of cloud that a tile may have; a tile without the figure is used.
        minimum_valid: share of a chip that must be valid, above 0, up to 1.
        extra_halving: whether to make the truth coarser by 2 first, which sheds artefacts.
        size: side of a chip in pan pixels, a multiple of the sensors' ratio.
        log: a file to add a line to for each chip, and for each item, tile or window without one.
        workers: threads, or with `cluster` processes; None for one per core that this process may
            use.
        cluster: `local` for Dask workers on this machine, or the address of a scheduler, such as
            `tcp://10.0.0.1:8786`; None for threads of this process.
        follow_links: whether images may lie outside the ARD where an item says so, symlinks may
            lead out of a folder, and a server may redirect to another host for images.
        progress: whether to draw a progress bar on stderr.
        tell: is given each warning before the work starts; None to leave warnings to the log and
            the result.

    Raises:
        InputError: if a number is out of range, the allow-list can't be read, or sensors aren't
            known or have different bands.
        ArdError: if the ARD can't be read, or holds fewer chips than asked for.
        ChipError: if other chips are in the folder, or a worker of a cluster dies.
        ClusterError: if the cluster can't be used, or is lost.
        OutputError: if a chip or the log can't be written.
    """
    started = time.perf_counter()
    source, folder = os.fspath(ard_dir), check_folder(chip_dir)
    log = None if log is None else check_log(log, [allow_list])
    check_chip_numbers(count, starting_from)
    chosen = _same_bands(sensors)
    shape = Shape(size, extra_halving, minimum_valid, chosen[0].ratio)
    allowed = None if allow_list is None else read_allow_list(allow_list)
    with open_executor(workers, cluster) as executor, _open_log(log) as write:
        survey = survey_ard(source, shape, chosen, allowed, max_clouds, follow_links)
        warnings = _warnings(survey, starting_from + count)
        write(f"{source}: {len(survey.tiles)} tiles to cut from, plan {survey.plan}")
        for skip in survey.skips:
            write(f"not used: {skip.where}: {skip.reason}")
        for warning in warnings:
            write(f"warning: {warning}")
            if tell:
                tell(warning)
        cutter = Cutter(survey, shape, follow_links)
        places = ((place.n, place) for place in cutter.placement.places(starting_from, count))
        made, passed = 0, set[Skip]()
        with open_folder(folder, survey.plan) as chips:
            reset_bytes_moved()
            for cut in fill_folder(chips, places, cutter.cut, executor, total=count, progress=progress):
                _log_skips(cut, passed, write)
                write(_line(cut))
                made += 1
        remote = any(is_remote(tile.pan or "") for tile in survey.tiles)
        result = MadeChips(
            folder,
            made,
            count - made,
            time.perf_counter() - started,
            skipped=dict(sorted(survey.skipped.items())),
            passed=dict(sorted(Counter(skip.reason.kind for skip in passed).items())),
            warnings=warnings,
            plan=survey.plan,
            bytes_moved=bytes_moved() if remote and cluster is None else None,
        )
        write(str(result).replace("\n", "; "))
    return result


def _same_bands(names: Sequence[str]) -> list[Sensor]:
    """The sensors of these names.

    Raises:
        InputError: if there are none, one isn't known, or they differ in bands or ratio.
    """
    sensors = [known_sensor(name) for name in names]
    if len({(sensor.bands, sensor.ratio) for sensor in sensors}) != 1:
        found = ", ".join(f"{sensor.name} ({' '.join(sensor.bands)})" for sensor in sensors) or "none"
        raise InputError(
            f"expected sensors with the same bands, found {found}; cut each into a folder of its own"
        )
    return sensors


def _log_skips(cut: Cut, logged: set[Skip], write: Callable[[str], None]) -> None:
    """Log the tiles and windows that gave no chip, each once, and add them to `logged`."""
    for skip in cut.skips:
        if skip not in logged:
            write(f"tried in vain for chip {cut.n}: {skip.where}: {skip.reason}")
            logged.add(skip)


def _warnings(survey: Survey, chips: int) -> tuple[str, ...]:
    """Warnings before the work starts.

    Raises:
        InputError: if the ground doesn't hold so many chips.
    """
    if survey.windows is not None and chips > survey.windows:
        raise InputError(
            f"expected at most {survey.windows} chips, as many as the ground holds, found {chips} "
            "(--starting-from and --count together); ask for fewer or smaller chips"
        )
    warnings = []
    if survey.unknown:
        unknown, lines = survey.unknown, counted(len(survey.unknown), "line")
        warnings.append(f"{lines} of the allow-list without a CID of this ARD: {first_names(unknown)}")
    if 0 < survey.holds < chips:
        warnings.append(
            f"{chips} chips are more than the {survey.holds} that this ground holds side by side: "
            "they will overlap"
        )
    return tuple(warnings)


def _line(cut: Cut) -> str:
    place = "/".join(str(cut.row[name]) for name in ("zone", "quadkey", "date", "cid"))
    return f"chip {cut.n}: {place}, {cut.window}, {cut.row['valid']:.1%} valid"


@contextlib.contextmanager
def _open_log(path: Path | None) -> Iterator[Callable[[str], None]]:
    """Open a log; yields a function that adds a line with the time, or nothing without a path."""
    if path is None:
        yield lambda text: None
        return
    with open_log(path) as add:

        def write(text: str) -> None:
            add(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}")

        try:
            yield write
        except BaseException as error:
            with contextlib.suppress(OutputError):
                write(f"stopped: {one_line(error)}")
            raise
