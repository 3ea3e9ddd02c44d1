"""Rating the collects of an ARD: looking at overviews, writing ratings, an allow-list, and a sheet."""

import csv
import functools
import io
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from potato.ard import Broken, Tile, unusable, walk_ard
from potato.ard.overview import Overview, read_overview
from potato.ard.rating.measures import Measures, Rating, measure, rate
from potato.ard.rating.sheet import make_sheet
from potato.core.color import mul_to_oklab
from potato.core.render import NATURAL, render
from potato.core.sensors import SCALE
from potato.core.text import counted, redact
from potato.engine.dask import Cluster, open_cluster
from potato.engine.processes import Lost, run_jobs
from potato.engine.threads import available_cores, map_blocks
from potato.errors import ArdError, InputError, OutputError
from potato.raster import check_output
from potato.raster.atomic import write_whole
from potato.raster.remote import try_again

PAN_SIDE, MUL_SIDE = 640, 320
"""The most pixels along an overview that is looked at: a sixteenth of pan, an eighth of mul in real
ARDs."""

PICTURE = 288
"""Pixels along the picture of a collect."""

COLUMNS = (*(field.name for field in fields(Rating)), "index")
"""Columns of `ratings.csv`."""

Path_ = str | os.PathLike[str]


@dataclass(frozen=True)
class Rated:
    """What `rate_cids` did.

    Attributes:
        ratings: of each collect that can be used, best first.
        allowed: catalog IDs of the allow-list, best first; None if none was asked for.
        outputs: the files that were written.
        left_out: how many tiles can't be used, by the kind of reason.
        broken: what couldn't be read.
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


def rate_cids(
    ard: str,
    output: Path_ = "ratings.csv",
    *,
    allow_list: Path_ | None = None,
    top: int | None = None,
    above: float | None = None,
    sheet: Path_ | None = None,
    tiles_per_cid: int = 16,
    workers: int | None = None,
    cluster: str | None = None,
    overwrite: bool = False,
    follow_links: bool = False,
    progress: bool = False,
) -> Rated:
    """Rate every collect of an ARD on seeing, water and interest.

    Only overviews are read, of some tiles of each collect: 1.5 MB of a tile of 250 MB.

    Args:
        ard: as for `walk_ard`.
        output: the table to write, best first.
        allow_list: an allow-list to write, one catalog ID a line, as make-chips takes it.
        top: how many it holds at most.
        above: an index that those it holds exceed. Without `top` and `above` that is 0.
        sheet: a page to write on which ratings can be looked at and changed.
        tiles_per_cid: how many tiles of each collect are looked at, spread evenly over it.
        workers: tiles at work at once; None for one per core.
        cluster: as for `open_cluster`; None for this process's threads.
        overwrite: whether to replace files.
        follow_links: as for `walk_ard`; and whether a server may send us on to another host for
            images.
        progress: whether to draw a progress bar on stderr.

    Raises:
        ArdError: if there is no ARD, or no tile in it that can be used.
        ClusterError: if the cluster can't be used, or is lost.
        InputError: if a number makes no sense, or `top` or `above` come without `allow_list`.
        OutputError, OutputExists: if an output can't be written.
    """
    started = time.perf_counter()
    if tiles_per_cid < 1 or (top is not None and top < 1):
        raise InputError("expected to look at 1 tile or more, and to allow 1 CID or more")
    if allow_list is None and (top is not None or above is not None):
        raise InputError("expected an allow-list to write the best CIDs to, found none; use --allow-list")
    names = [output, *(name for name in (allow_list, sheet) if name is not None)]
    paths = tuple(check_output(name, overwrite) for name in names)
    if len({path.absolute() for path in paths}) < len(paths):
        raise OutputError(f"{output}: expected a name of its own for each output, found one twice")
    with open_cluster(cluster, workers) as machines:
        tiles, left_out, broken = _sort_out(ard, follow_links)
        chosen = [tile for group in tiles.values() for tile in _spread(group, tiles_per_cid)]
        look = functools.partial(_look, follow_links)
        looks = _look_all(chosen, look, workers or available_cores(), machines)
        looked_at = list(tqdm(looks, total=len(chosen), unit="tile", disable=not progress))
    seen: dict[str, list[tuple[Measures, NDArray[np.uint8]]]] = defaultdict(list)
    unread: list[Broken] = []
    # Sums of floats depend on their order, so that is always the same.
    for place, found in sorted(looked_at, key=lambda one: one[0]):
        if isinstance(found, Broken):
            unread.append(found)
        else:
            seen[chosen[place].cid].append(found)
    if not seen:
        raise ArdError(
            f"{ard}: expected tiles of WorldView-2 or -3, found none that can be read{_first(unread)}"
        )
    broken += unread
    ratings = [
        _rating(tiles[cid], sum((measures for measures, _ in looked), Measures()), len(looked))
        for cid, looked in seen.items()
    ]
    ratings.sort(key=lambda one: (-one.index, one.cid))
    written = {output: _table(ratings)}
    allowed = None
    if allow_list is not None:
        allowed = choose_best(ratings, top, above)
        written[allow_list] = "".join(f"{cid}\n" for cid in allowed)
    if sheet is not None:
        pictures = {cid: _mosaic([picture for _, picture in looked]) for cid, looked in seen.items()}
        skipped = dict(left_out) | Counter("unreadable: " + one.reason for one in broken)
        written[sheet] = make_sheet(ratings, pictures, skipped, title=ard)
    for path, text in zip(paths, written.values(), strict=True):
        write_whole(path, text)
    seconds = time.perf_counter() - started
    return Rated(tuple(ratings), allowed, paths, dict(left_out), tuple(broken), seconds)


def choose_best(
    ratings: Iterable[Rating], top: int | None = None, above: float | None = None
) -> tuple[str, ...]:
    """Catalog IDs of the best, best first.

    Args:
        ratings: in any order.
        top: how many at most; None for any number.
        above: an index that they exceed; None for 0.
    """
    good = [one for one in ratings if one.index > (above or 0.0)]
    return tuple(one.cid for one in sorted(good, key=lambda one: (-one.index, one.cid))[:top])


def _sort_out(ard: str, follow_links: bool) -> tuple[dict[str, list[Tile]], Counter[str], list[Broken]]:
    """Usable tiles by catalog ID, how many aren't by kind of reason, and what can't be read."""
    tiles: dict[str, list[Tile]] = defaultdict(list)
    left_out: Counter[str] = Counter()
    broken = []
    for tile in walk_ard(ard, follow_links=follow_links):
        if isinstance(tile, Broken):
            broken.append(tile)
        elif reason := unusable(tile):
            left_out[reason.partition(" (")[0] if tile.trouble else reason] += 1
        else:
            tiles[tile.cid].append(tile)
    if not tiles:
        reasons = "".join(f"; {counted(count, 'tile')}, {reason}" for reason, count in left_out.items())
        wanted = "expected tiles of WorldView-2 or -3 with pan and mul, found none"
        raise ArdError(f"{ard}: {wanted}{reasons}{_first(broken)}")
    return dict(sorted(tiles.items())), left_out, broken


def _first(broken: Sequence[Broken]) -> str:
    return f" ({broken[0].item}: {broken[0].reason})" if broken else ""


def _spread(tiles: Sequence[Tile], count: int) -> list[Tile]:
    """At most `count` of the tiles, evenly spread."""
    count = min(count, len(tiles))
    return [tiles[(2 * place + 1) * len(tiles) // (2 * count)] for place in range(count)]


Look = tuple[Measures, NDArray[np.uint8]] | Broken
"""What is seen of a tile, and a small picture of it."""


def _look_all(
    tiles: Sequence[Tile], look: Callable[[Tile], Look], workers: int, cluster: Cluster | None
) -> Iterator[tuple[int, Look]]:
    """Look at tiles, in threads or in a cluster; each comes with its place in the list, in any order."""
    if cluster is None:
        yield from map_blocks(enumerate(tiles), look, workers, 2 * workers)
        return
    numbered = functools.partial(_look_at, look)
    for (place, tile), found in run_jobs(enumerate(tiles), numbered, workers, cluster):
        yield place, Broken(tile.item, found.reason) if isinstance(found, Lost) else found


def _look_at(look: Callable[[Tile], Look], job: tuple[int, Tile]) -> Look:
    return look(job[1])


def _look(follow_links: bool, tile: Tile) -> Look:
    """Measure a tile, and make a small picture of it."""
    files = tile.pan or "", tile.mul or ""

    def read() -> tuple[Overview, Overview]:
        return read_overview(files[0], "pan", PAN_SIDE), read_overview(files[1], "mul", MUL_SIDE)

    try:
        pan, mul = try_again(read, files, follow=follow_links)
    except (InputError, ArdError) as error:
        return Broken(redact(tile.item), redact(" ".join(str(error).split())))
    return measure(pan.pixels[0], pan.valid, mul.pixels, mul.valid), _picture(mul)


def _picture(mul: Overview) -> NDArray[np.uint8]:
    """A tile in natural colour (3, PICTURE, PICTURE), black where there is no data."""
    bands = torch.from_numpy(mul.pixels.astype(np.float32)) / SCALE
    valid = torch.from_numpy(mul.valid).float()[None]
    shrink = functools.partial(torch.nn.functional.adaptive_avg_pool2d, output_size=PICTURE)
    share = shrink(valid)
    colours = render(mul_to_oklab((shrink(bands * valid) / share.clamp_min(1e-6))[None])[0], NATURAL)
    picture: NDArray[np.uint8] = (colours * (share > 0.5)).to(torch.uint8).numpy()
    return picture


def _mosaic(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures side by side in rows, together no wider than one."""
    columns = int(np.ceil(np.sqrt(len(pictures))))
    side = PICTURE // columns
    rows = -(-len(pictures) // columns)
    whole = np.zeros((3, rows * side, columns * side), np.uint8)
    for place, picture in enumerate(pictures):
        row, column = place // columns * side, place % columns * side
        small = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(picture).float(), side)
        whole[:, row : row + side, column : column + side] = small.round().to(torch.uint8).numpy()
    return whole


def _rating(tiles: Sequence[Tile], measures: Measures, looked: int) -> Rating:
    told = [(tile.clouds, tile.data_area or 1.0) for tile in tiles if tile.clouds is not None]
    area = sum(part for _, part in told)
    reported = sum(clouds * part for clouds, part in told) / area if area else None
    seeing, water, interest = rate(measures, None if reported is None else reported / 100)
    dates = sorted(tile.date for tile in tiles if tile.date)
    return Rating(
        cid=tiles[0].cid,
        platform=tiles[0].platform,
        first=dates[0] if dates else "",
        last=dates[-1] if dates else "",
        zones=" ".join(str(zone) for zone in sorted({tile.zone for tile in tiles if tile.zone is not None})),
        tiles=len(tiles),
        looked=looked,
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
    """`ratings.csv`: a row a collect."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in ratings:
        values = {**asdict(one), "index": round(one.index, 4)}
        writer.writerow("" if values[name] is None else values[name] for name in COLUMNS)
    return text.getvalue()
