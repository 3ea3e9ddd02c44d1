"""Rating the passes of an ARD by overviews; writing ratings, an allow-list, and a sheet."""

import csv
import functools
import io
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from potato.ard.broken import Broken
from potato.ard.item import Tile, unusable
from potato.ard.listing import reported_clouds
from potato.ard.overview import Overview, read_overview
from potato.ard.rating.measures import Measures, Rating, measure, rate
from potato.ard.rating.sheet import make_sheet
from potato.ard.walk import walk_ard
from potato.core.color import mul_to_oklab
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import NATURAL, render
from potato.core.sensors import Sensor
from potato.core.text import counted, one_line, redact
from potato.core.types import PathLike
from potato.core.windows import evenly
from potato.engine.executor import open_executor
from potato.engine.jobs import Executor, Lost
from potato.engine.progress import progress_bar
from potato.errors import ArdError, InputError, OutputError
from potato.raster.atomic import write_whole
from potato.raster.output_files import check_output, keep_inputs
from potato.raster.remote import try_again

OVERVIEW_SIDES = (640, 320)
"""The most pixels along an overview of pan and of mul: in real ARDs 1/16 of pan, 1/8 of mul."""

PICTURE = 288
"""Pixels along the picture of a pass."""

COLUMNS = (*(field.name for field in fields(Rating)), "index")
"""Columns of `ratings.csv`."""

Thumbnail = NDArray[np.uint8]
"""Codes (3, h, w)."""


@dataclass(frozen=True)
class Rated:
    """The result of `rate_cids`.

    Attributes:
        ratings: of each pass with usable tiles, best first.
        allowed: catalog IDs of the allow-list, best first; None without an allow-list.
        outputs: the files that were written.
        left_out: number of tiles that can't be used, by kind of reason.
        broken: files that couldn't be read.
        seconds: how long it took.
    """

    ratings: tuple[Rating, ...]
    allowed: tuple[str, ...] | None
    outputs: tuple[Path, ...]
    left_out: dict[str, int]
    broken: tuple[Broken, ...]
    seconds: float

    def __str__(self) -> str:
        """The lines that the command prints."""
        best = "".join(f"; best {one.cid} at {one.index:.2f}" for one in self.ratings[:1])
        lines = [
            f"{self.outputs[0]}: {counted(len(self.ratings), 'CID')} rated in {self.seconds:.0f} s{best}"
        ]
        if self.allowed is not None:
            lines.append(f"{self.outputs[1]}: {counted(len(self.allowed), 'CID')} allowed")
        lines += [f"left out: {counted(count, 'tile')}, {reason}" for reason, count in self.left_out.items()]
        lines += [f"can't be read: {one.item}: {one.reason}" for one in self.broken]
        return "\n".join(lines)


@dataclass(frozen=True)
class _Sample:
    """One tile: its measures, and a small picture."""

    measures: Measures
    picture: Thumbnail


@dataclass(frozen=True)
class _Tiles:
    """The tiles of an ARD, sorted by use.

    Attributes:
        usable: by catalog ID.
        left_out: number of the others, by kind of reason.
        broken: files that can't be read.
        files: names of all items and images.
    """

    usable: dict[str, list[Tile]]
    left_out: Counter[str]
    broken: list[Broken]
    files: list[str]


def rate_cids(
    ard: str,
    output: PathLike = "ratings.csv",
    *,
    allow_list: PathLike | None = None,
    top: int | None = None,
    above: float | None = None,
    sheet: PathLike | None = None,
    tiles_per_cid: int = 16,
    workers: int | None = None,
    cluster: str | None = None,
    overwrite: bool = False,
    follow_links: bool = False,
    progress: bool = False,
    overview_sides: tuple[int, int] = OVERVIEW_SIDES,
) -> Rated:
    """Rate every pass of an ARD on seeing, water and interest.

    Only overviews are read, of some tiles of each pass: 1.5 MB of a tile of 250 MB.

    Args:
        ard: a local folder, `s3://bucket/prefix`, or `https://…`.
        output: the table to write, best pass first.
        allow_list: an allow-list to write, one catalog ID a line, for `make_chips` and `fuse_ard`.
        top: the most CIDs on the allow-list; None for any number.
        above: an index that CIDs on the allow-list exceed; None for 0.
        sheet: an HTML page to write, on which ratings can be viewed and changed.
        tiles_per_cid: the most tiles of a pass to read, spread evenly over it.
        workers: tiles at work at once; None for one per core that this process may use.
        cluster: `local` for Dask workers on this machine, or the address of a scheduler, such as
            `tcp://10.0.0.1:8786`; None for threads of this process.
        overwrite: whether to replace existing files.
        follow_links: whether images may lie outside the ARD where an item says so, symlinks may
            lead out of a folder, and a server may redirect to another host for images.
        progress: whether to draw a progress bar on stderr.
        overview_sides: the most pixels along an overview of pan, and of mul.

    Raises:
        ArdError: if there is no ARD, or no tile in it that can be used.
        ClusterError: if the cluster can't be used, or is lost.
        InputError: if a number is out of range, or `top` or `above` come without `allow_list`.
        OutputError, OutputExists: if an output can't be written.
    """
    started = time.perf_counter()
    if tiles_per_cid < 1 or (top is not None and top < 1):
        raise InputError(
            "expected 1 tile or more of a CID, and 1 CID or more on the allow-list, "
            f"found {tiles_per_cid} and {top}"
        )
    if allow_list is None and (top is not None or above is not None):
        raise InputError("expected an allow-list to write the best CIDs to, found none; use --allow-list")
    names = [output, *(name for name in (allow_list, sheet) if name is not None)]
    paths = tuple(check_output(name, overwrite) for name in names)
    if len({path.absolute() for path in paths}) < len(paths):
        raise OutputError(f"{output}: expected a name of its own for each output, found one twice")
    work = functools.partial(_read_sample, overview_sides, follow_links)
    with open_executor(workers, cluster) as executor:
        tiles = _sort_tiles(ard, follow_links)
        for path in paths:
            keep_inputs(path, tiles.files)
        chosen = [tile for group in tiles.usable.values() for tile in evenly(group, tiles_per_cid)]
        samples, unread = _read_samples(chosen, work, executor, progress)
    if not samples:
        raise ArdError(f"{ard}: expected tiles with pan and mul, found none that can be read{_first(unread)}")
    ratings = [_rating(tiles.usable[cid], some) for cid, some in samples.items()]
    ratings.sort(key=lambda one: (-one.index, one.cid))
    texts = [_table(ratings)]
    allowed = None
    if allow_list is not None:
        allowed = choose_best(ratings, top, above)
        texts.append("".join(f"{cid}\n" for cid in allowed))
    broken = tiles.broken + unread
    if sheet is not None:
        pictures = {cid: _montage([one.picture for one in some]) for cid, some in samples.items()}
        skipped = dict(tiles.left_out) | Counter("unreadable: " + one.reason for one in broken)
        texts.append(make_sheet(ratings, pictures, skipped, title=ard))
    for path, text in zip(paths, texts, strict=True):
        write_whole(path, text)
    seconds = time.perf_counter() - started
    return Rated(tuple(ratings), allowed, paths, dict(tiles.left_out), tuple(broken), seconds)


def choose_best(
    ratings: Iterable[Rating], top: int | None = None, above: float | None = None
) -> tuple[str, ...]:
    """Catalog IDs of the best passes, best first.

    Args:
        ratings: in any order.
        top: how many at most; None for any number.
        above: an index that they exceed; None for 0.
    """
    good = [one for one in ratings if one.index > (above or 0.0)]
    return tuple(one.cid for one in sorted(good, key=lambda one: (-one.index, one.cid))[:top])


def _sort_tiles(ard: str, follow_links: bool) -> _Tiles:
    """Sort the tiles of an ARD; ArdError if none is usable."""
    usable: dict[str, list[Tile]] = defaultdict(list)
    left_out: Counter[str] = Counter()
    broken: list[Broken] = []
    files: list[str] = []
    for tile in walk_ard(ard, follow_links=follow_links):
        files += [tile.item] if isinstance(tile, Broken) else filter(None, (tile.item, tile.pan, tile.mul))
        if isinstance(tile, Broken):
            broken.append(tile)
        elif reason := unusable(tile):
            left_out[reason.kind] += 1
        elif tile.sensor is None or not tile.sensor.infrared:
            left_out["a sensor that sees no near infrared"] += 1
        else:
            usable[tile.cid].append(tile)
    if not usable:
        reasons = "".join(f"; {counted(count, 'tile')}, {reason}" for reason, count in left_out.items())
        wanted = "expected tiles with pan and mul of a sensor that Potato knows, found none"
        raise ArdError(f"{ard}: {wanted}{reasons}{_first(broken)}")
    return _Tiles(dict(sorted(usable.items())), left_out, broken, files)


def _first(broken: Sequence[Broken]) -> str:
    return f" ({broken[0].item}: {broken[0].reason})" if broken else ""


def _read_samples(
    tiles: Sequence[Tile],
    work: Callable[[Tile], "_Sample | Broken"],
    executor: Executor,
    progress: bool,
) -> tuple[Mapping[str, list[_Sample]], list[Broken]]:
    """Samples of tiles by catalog ID, and tiles that can't be read, in the order of `tiles`."""
    found = {}
    with progress_bar(len(tiles), "tile", progress) as bar:
        for tile, result in executor.run(tiles, work):
            found[tile] = result
            bar.update()
    samples: dict[str, list[_Sample]] = defaultdict(list)
    unread: list[Broken] = []
    # Sums of floats depend on their order, so the order mustn't depend on the executor.
    for tile in tiles:
        one = found[tile]
        if isinstance(one, Lost):
            unread.append(Broken(tile.item, one.reason))
        elif isinstance(one, Broken):
            unread.append(one)
        else:
            samples[tile.cid].append(one)
    return samples, unread


def _read_sample(sides: tuple[int, int], follow_links: bool, tile: Tile) -> _Sample | Broken:
    """Measure the overviews of a tile, and make a small picture of it."""
    files = tile.pan or "", tile.mul or ""

    def read() -> tuple[Overview, Overview]:
        return read_overview(files[0], None, sides[0]), read_overview(files[1], tile.sensor, sides[1])

    try:
        pan, mul = try_again(read, files, follow=follow_links)
    except (InputError, ArdError) as error:
        return Broken(redact(tile.item), redact(one_line(error)))
    assert tile.sensor is not None
    measures = measure(pan.pixels[0], pan.valid, mul.pixels, mul.valid, tile.sensor)
    return _Sample(measures, _picture(mul, tile.sensor))


def _picture(mul: Overview, sensor: Sensor) -> Thumbnail:
    """A tile in natural colour (3, PICTURE, PICTURE), black where invalid."""
    bands = torch.from_numpy(counts_to_reflectance(mul.pixels))
    valid = torch.from_numpy(mul.valid).float()[None]
    shrink = functools.partial(torch.nn.functional.adaptive_avg_pool2d, output_size=PICTURE)
    share = shrink(valid)
    means = shrink(bands * valid) / share.clamp_min(1e-6)
    colours = render(mul_to_oklab(means[None], sensor)[0], NATURAL)
    picture: Thumbnail = (colours * (share > 0.5)).to(torch.uint8).numpy()
    return picture


def _montage(pictures: Sequence[Thumbnail]) -> Thumbnail:
    """Pictures side by side in rows, together no wider than `PICTURE`."""
    columns = int(np.ceil(np.sqrt(len(pictures))))
    side = PICTURE // columns
    rows = -(-len(pictures) // columns)
    whole = np.zeros((3, rows * side, columns * side), np.uint8)
    for place, picture in enumerate(pictures):
        row, column = place // columns * side, place % columns * side
        small = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(picture).float(), side)
        whole[:, row : row + side, column : column + side] = small.round().to(torch.uint8).numpy()
    return whole


def _rating(tiles: Sequence[Tile], samples: Sequence[_Sample]) -> Rating:
    measures = sum((one.measures for one in samples), Measures())
    reported = reported_clouds(tiles)
    seeing, water, interest = rate(measures, None if reported is None else reported / 100)
    dates = sorted(tile.date for tile in tiles if tile.date)
    return Rating(
        cid=tiles[0].cid,
        platform=tiles[0].platform,
        first=dates[0] if dates else "",
        last=dates[-1] if dates else "",
        zones=" ".join(str(zone) for zone in sorted({tile.zone for tile in tiles if tile.zone is not None})),
        tiles=len(tiles),
        looked=len(samples),
        reported=None if reported is None else round(reported, 1),
        clouds=round(100 * measures.cloud_share, 1),
        haze=round(100 * measures.veil, 1),
        wet=round(100 * measures.water_share, 1),
        variety=round(measures.variety, 3),
        structure=round(measures.structure, 3),
        seeing=round(seeing, 2),
        water=round(water, 2),
        interest=round(interest, 2),
    )


def _table(ratings: Iterable[Rating]) -> str:
    """`ratings.csv`: one row for each pass."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in ratings:
        values = {**asdict(one), "index": round(one.index, 4)}
        writer.writerow("" if values[name] is None else values[name] for name in COLUMNS)
    return text.getvalue()
