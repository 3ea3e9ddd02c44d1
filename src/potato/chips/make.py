"""Making chips out of real imagery: an ARD in, a folder of numbered chips out."""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from potato.ard import read_allow_list
from potato.chips.chip import SIZE
from potato.chips.cutting import Cut, Cutter
from potato.chips.fill import check_numbers, fill_folder
from potato.chips.folder import open_folder
from potato.chips.survey import Shape, Skip, Survey, survey_ard
from potato.engine.dask import open_cluster
from potato.errors import InputError, OutputError
from potato.raster.remote import bytes_moved, is_remote, reset_bytes_moved


@dataclass(frozen=True)
class MadeChips:
    """What `make_chips` did.

    Attributes:
        folder: where the chips are.
        made: how many were made now.
        there: how many of those asked for were there already.
        skipped: items of the ARD that weren't used, by kind of reason.
        passed: tiles and windows that were tried and gave no chip, by kind of reason.
        warnings: what was said before starting.
        plan: stands for source and settings; the same plan makes the same chips.
        seconds: how long it took.
        bytes_moved: bytes of images fetched over the network; None if nothing lay there, GDAL
            doesn't tell, or a cluster did it.
    """

    folder: Path
    made: int
    there: int
    skipped: dict[str, int]
    passed: dict[str, int]
    warnings: tuple[str, ...]
    plan: str
    seconds: float
    bytes_moved: int | None

    def __str__(self) -> str:
        """What the command prints."""
        there = f", {self.there} were there" if self.there else ""
        moved = "" if self.bytes_moved is None else f", {self.bytes_moved / 1e6:.1f} MB moved"
        first = f"{self.folder}: {self.made} chips made{there} in {self.seconds:.1f} s{moved}"
        lists = (("not used", self.skipped), ("tried in vain", self.passed))
        return "\n".join(
            [first]
            + [
                f"{title}: " + ", ".join(f"{n} {why}" for why, n in counts.items())
                for title, counts in lists
                if counts
            ]
        )


def make_chips(
    ard_dir: str | os.PathLike[str],
    chip_dir: str | os.PathLike[str],
    *,
    count: int = 1024,
    starting_from: int = 0,
    allow_list: str | os.PathLike[str] | None = None,
    max_clouds: float = 100.0,
    minimum_valid: float = 0.99,
    extra_halving: bool = True,
    size: int = SIZE,
    log: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    follow_links: bool = False,
    progress: bool = False,
    tell: Callable[[str], None] | None = None,
) -> MadeChips:
    """Cut training chips out of an ARD.

    Chip n of a source is always the same, byte for byte: in whatever folder, however many came
    before it, whatever the number of workers. Chips that are there already stay. So a run that was
    cut short, however roughly, is finished by repeating it, and `count=1024` followed by
    `count=1024, starting_from=1024` is `count=2048`.

    Args:
        ard_dir: an ARD: a local folder, `s3://bucket/prefix`, or `https://…`. Only the windows that
            become chips are read.
        chip_dir: the folder for `0.pt`, `1.pt`, … and `manifest.jsonl`; made if it isn't there.
        count: how many chips.
        starting_from: number of the first.
        allow_list: a text file of CIDs to use, one a line; None for all.
        max_clouds: percent of cloud that a tile may have.
        minimum_valid: share of a chip that must be valid.
        extra_halving: whether to make the truth coarser by 2 first, which sheds artefacts.
        size: side of a chip in pan pixels, a multiple of 4.
        log: a file to add a line to for each chip, and for whatever is skipped.
        workers: threads at work on chips; None for one per core that this process may use.
        cluster: as for `open_cluster`; `workers` are processes then. None for this process's
            threads.
        follow_links: as for `walk_ard`; and whether a server may send us on to another host for
            images.
        progress: whether to draw a progress bar on stderr.
        tell: is given warnings, before the work starts; None to leave them to the log and the
            result.

    Raises:
        InputError: if a number makes no sense, or the allow-list can't be read.
        ArdError: if the ARD can't be read, or holds fewer chips than asked for.
        ChipError: if other chips are in the folder, or the workers of a cluster die of one.
        ClusterError: if the cluster can't be used, or is lost.
        OutputError: if a chip or the log can't be written.
    """
    started = time.perf_counter()
    check_numbers(count, starting_from)
    shape = Shape(size, extra_halving, minimum_valid)
    source = os.fspath(ard_dir)
    allowed = None if allow_list is None else read_allow_list(Path(allow_list))
    with open_cluster(cluster, workers) as machines, _open_log(log) as write:
        survey = survey_ard(source, shape, allowed, max_clouds, follow_links)
        warnings = _warnings(survey, starting_from + count)
        write(f"{source}: {len(survey.tiles)} tiles to cut from, plan {survey.plan}")
        for skip in survey.skips:
            write(f"not used: {skip.where}: {skip.reason}")
        for warning in warnings:
            write(f"warning: {warning}")
            if tell:
                tell(warning)
        cutter = Cutter(survey, shape, follow_links)
        places = ((place.n, place) for place in cutter.spread.places(starting_from, count))
        made, passed = 0, set[Skip]()
        with open_folder(chip_dir, survey.plan) as folder:
            reset_bytes_moved()
            for cut in fill_folder(
                folder,
                places,
                cutter.cut,
                total=count,
                workers=workers,
                progress=progress,
                cluster=machines,
            ):
                for skip in cut.skips:
                    if skip not in passed:
                        write(f"tried in vain for chip {cut.n}: {skip.where}: {skip.reason}")
                        passed.add(skip)
                write(_line(cut))
                made += 1
        remote = any(is_remote(tile.pan or "") for tile in survey.tiles)
        result = MadeChips(
            Path(chip_dir),
            made,
            count - made,
            dict(sorted(survey.skipped.items())),
            dict(sorted(Counter(skip.kind for skip in passed).items())),
            warnings,
            survey.plan,
            time.perf_counter() - started,
            # What the workers of a cluster move, nobody here counts.
            bytes_moved() if remote and machines is None else None,
        )
        write(str(result).replace("\n", "; "))
    return result


def _warnings(survey: Survey, chips: int) -> tuple[str, ...]:
    """What to say before starting.

    Raises:
        InputError: if there can't be so many chips.
    """
    if survey.windows is not None and chips > survey.windows:
        raise InputError(
            f"expected at most {survey.windows} chips, which is what the ground holds, found {chips} "
            "(--starting-from and --count together); ask for fewer or smaller chips"
        )
    warnings = []
    if survey.unknown:
        unknown = ", ".join(survey.unknown[:5]) + ("…" if len(survey.unknown) > 5 else "")
        warnings.append(f"{len(survey.unknown)} lines of the allow-list are no CID of this ARD: {unknown}")
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
def _open_log(path: str | os.PathLike[str] | None) -> Iterator[Callable[[str], None]]:
    """A function that adds lines, with the time, to a file; one that does nothing if there is none."""
    if path is None:
        yield lambda text: None
        return
    try:
        file: TextIO = Path(path).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115  (closed below)
    except OSError as error:
        raise OutputError(f"{path}: can't write the log there: {error.strerror}") from error

    def write(text: str) -> None:
        try:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        except OSError as error:
            raise OutputError(f"{path}: can't write the log there: {error.strerror}") from error

    with contextlib.closing(file):
        try:
            yield write
        except BaseException as error:
            with contextlib.suppress(OutputError):
                write(f"stopped: {' '.join(str(error).split()) or type(error).__name__}")
            raise
