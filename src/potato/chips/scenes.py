"""Chips of simulated scenes: ground that never was, photographed by the instrument, with the truth known."""

import math
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

import torch
from tqdm import tqdm

from potato.chips.chip import SIZE, Chip, chip_bytes, encode_oklab
from potato.chips.fill import check_numbers
from potato.chips.folder import open_folder
from potato.core.color import mul_to_oklab
from potato.core.sensors import RATIO
from potato.errors import ChipError, InputError
from potato.raster import read_photograph
from potato.simulation.clutter import strew
from potato.simulation.dead_leaves import shed_leaves
from potato.simulation.ground import LEAST_SIDE, Ground, crispen, make_ground, mute, vary_foliage, warm
from potato.simulation.imager import (
    FINE,
    Sensor,
    observe,
    observe_coarser,
    ragged_mask,
    random_sensor,
    sharpened_on_grid,
    truth,
)
from potato.simulation.land.reflectances import load_reflectances
from potato.simulation.land.spectra import Palette
from potato.simulation.photographs import lay_photographs
from potato.simulation.spectral_lift import Lifter

_FORMAT = 7
"""Goes up when the same seed begins to mean other scenes."""

_RAGGED = 0.1
"""Share of the scenes that a ragged edge cuts."""

_COARSER = 0.5
"""Share of the scenes that come by Wald's protocol, as many pairs do that people compare sharpeners with."""

_ON_GRID = 0.6
"""Share of the others whose mul is sharpened on its own grid. In those by Wald's protocol that would be in
the truth, which ought to be like that of real pairs."""

_HALVED = 0.05
"""Share of the scenes that come by it with an extra halving."""

GROUNDS = {"photographs": 0.55, "leaves": 0.1, "land": 0.35}
"""Kinds of ground and how common they are; without photographs, the others share the rest."""

_RARITIES = 25.0
"""Rare things per hectare, as `scenes.rarities.strew` takes it; they cover a tenth of a scene on average."""

_DULLEST = 0.1
"""Colourfulness of a ground, at least, as `scenes.ground.mute` takes it."""

_CRISPNESS = 0.45
"""How much what is drawn is sharpened, whose edges are softer than those of means over real ground."""

_HELD_OUT = 10
"""Of so many photographs, one is never trained on: it belongs to every other kind of series."""

_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})


@dataclass(frozen=True)
class MadeScenes:
    """What `make_scenes` did.

    Attributes:
        chip_dir: the folder.
        made: how many chips were written.
        kept: how many were there already.
    """

    chip_dir: Path
    made: int
    kept: int

    def __str__(self) -> str:
        """The one line that the command prints."""
        kept = f", {self.kept} were there" if self.kept else ""
        return f"{self.chip_dir}: {self.made} chips of simulated scenes made{kept}"


def seed_of(*parts: object) -> int:
    """A seed for a generator that depends on all of `parts` and nothing else.

    Example:
        >>> seed_of(0, "scene", 1) == seed_of(0, "scene", 1) != seed_of(0, "scene", 2)
        True
    """
    return int.from_bytes(sha256("/".join(map(str, parts)).encode()).digest()[:8], "big") >> 1


def list_photographs(folder: str | os.PathLike[str] | None) -> tuple[str, ...]:
    """The aerial photographs in a folder and those below it, by name; none if `folder` is None.

    Raises:
        InputError: if there are none.
    """
    if folder is None:
        return ()
    found = sorted(str(path) for path in Path(folder).rglob("*") if path.suffix.lower() in _ENDINGS)
    if not found:
        raise InputError(f"{folder}: expected a folder of aerial photographs ({', '.join(sorted(_ENDINGS))})")
    return tuple(found)


def scene_chip(
    seed: int,
    index: int,
    size: int = SIZE,
    kind: str = "scene",
    look: int = 0,
    photographs: tuple[str, ...] = (),
    ground: str | None = None,
) -> Chip:
    """The chip of one simulated scene; the same arguments always give the same chip.

    The target is the truth on pan's own pixels, haze included; a tenth of the chips have a ragged edge
    beyond which nothing is valid.

    Args:
        seed: of the series.
        index: of the ground in the series.
        size: pan pixels along a side, a multiple of 4, at least 64.
        kind: another word gives another series: training and test scenes never meet, nor do their
            photographs.
        look: which pass over that ground: another sensor, haze, noise and edge.
        photographs: aerial photographs to lay ground with, as `list_photographs` gives them.
        ground: one of `GROUNDS`; None leaves it to chance.
    """
    series = torch.Generator().manual_seed(seed_of(seed, kind, index, "series"))
    draw = float(torch.rand((), generator=series))
    coarser, halved = draw < _COARSER, draw < _HALVED
    land = _ground(seed, kind, index, size * (FINE if coarser and not halved else 1), photographs, ground)
    generator = torch.Generator().manual_seed(seed_of(seed, kind, index, "look", look))
    sensor = random_sensor(generator)
    if coarser:
        sensor = _coarser(sensor)
        pan, mul, bands = observe_coarser(land, generator, sensor, halved)
    else:
        if float(torch.rand((), generator=generator)) < _ON_GRID:
            sensor = sharpened_on_grid(sensor, generator)
        pan, mul = observe(land, generator, sensor)
        bands = truth(land, sensor)[1]
    valid = torch.ones(size, size, dtype=torch.bool)
    if float(torch.rand((), generator=generator)) < _RAGGED:
        valid = ragged_mask(size, size, generator, share=0.4 * float(torch.rand((), generator=generator)))
    # A cell is seen whole or not at all, as after Wald's protocol.
    whole = valid.reshape(size // RATIO, RATIO, size // RATIO, RATIO).all(3).all(1)
    target_valid = whole.repeat_interleave(RATIO, 0).repeat_interleave(RATIO, 1)
    counts = (pan.int() * valid).to(torch.uint16), (mul.int() * whole).to(torch.uint16)
    target = encode_oklab(mul_to_oklab(bands), target_valid)
    return Chip(counts[0][None], counts[1], target, native=not coarser)


def _coarser(sensor: Sensor) -> Sensor:
    """A look for Wald's protocol: its truth rings as real mul does, and its arrays lie further apart.

    At full scale things move and lean over besides.
    """
    down, right = sensor.displacement
    return replace(
        sensor,
        displacement=(1.5 * down, 1.5 * right),
        sharpening=max(0.0, sensor.sharpening - 0.2),
        fine_sharpening=sensor.fine_sharpening + 1.0,
    )


@lru_cache(maxsize=1)
def _spectra() -> tuple[Palette, Lifter]:
    surfaces = load_reflectances()
    return Palette(surfaces), Lifter.of(surfaces)


@lru_cache(maxsize=2)
def _ground(
    seed: int, kind: str, index: int, size: int, photographs: tuple[str, ...], ground: str | None
) -> Ground:
    """The last grounds are remembered: to invent one takes several times as long as to look at it."""
    generator = torch.Generator().manual_seed(seed_of(seed, kind, index))
    palette, lifter = _spectra()
    if ground is None:
        shares = {name: share for name, share in GROUNDS.items() if photographs or name != "photographs"}
        drawn = torch.multinomial(torch.tensor(list(shares.values())), 1, generator=generator)
        ground = list(shares)[int(drawn)]
    if ground == "leaves":
        laid = shed_leaves(size, size, lifter, generator, palette)
    elif ground == "land":
        laid = make_ground(size, size, generator, palette=palette)
    else:
        training = kind == "scene"
        own = [path for n, path in enumerate(photographs) if (n % _HELD_OUT > 0) == training]
        if not own:
            raise InputError(f"expected at least {_HELD_OUT} photographs, found {len(photographs)}")
        laid = lay_photographs(
            size,
            size,
            lambda dice: torch.from_numpy(read_photograph(dice.choice(own))),
            lifter,
            generator,
            palette,
        )
    if ground != "photographs":
        laid = crispen(laid, _CRISPNESS)
    dullness, share, amount, evenness, dimness = torch.rand(5, generator=generator).tolist()
    laid = vary_foliage(laid, 0.15 + 0.35 * amount, 0.6 * evenness - 0.3, 0.2 + 0.5 * dimness, generator)
    typical = laid.planes.mean((1, 2))
    muted = mute(
        laid,
        1 - (1 - _DULLEST) * math.sqrt(dullness),
        (1 - share) * typical / typical.mean() + share * lifter.plain(generator),
    )
    warmed = warm(muted, 1 + 0.7 * float(torch.randn((), generator=generator)))
    return strew(warmed, _RARITIES, lifter, generator)


def make_scenes(
    chip_dir: str | os.PathLike[str],
    *,
    count: int,
    starting_from: int = 0,
    seed: int = 0,
    size: int = SIZE,
    photographs: str | os.PathLike[str] | None = None,
    workers: int = 1,
    progress: bool = False,
) -> MadeScenes:
    """Write chips of simulated scenes, with their manifest.

    Chip n of a seed is always the same, however many came before it and whatever the number of workers.
    Chips that are there already stay, so a run that was cut short is finished by repeating it.

    Args:
        chip_dir: the folder for `0.pt`, `1.pt`, … and `manifest.jsonl`; made if it isn't there.
        count: how many chips.
        starting_from: number of the first.
        seed: another seed gives other scenes.
        size: side of a chip in pan pixels, a multiple of 4, at least 64.
        photographs: folder of aerial photographs, at least 10, whose shapes most scenes take then; one in
            ten is kept for judging.
        workers: processes that invent.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError: if a number makes no sense.
        ChipError: if other chips are in the folder, or a worker vanishes.
        OutputError: if a chip can't be written.
    """
    check_numbers(count, starting_from)
    if size < LEAST_SIDE or size % RATIO:
        raise InputError(f"expected a size from {LEAST_SIDE} pan pixels that {RATIO} divides, found {size}")
    pictures = list_photographs(photographs)
    names = [Path(path).name for path in pictures]
    plan = sha256(repr((_FORMAT, "scenes", seed, size, names)).encode()).hexdigest()[:16]
    bar = tqdm(total=count, unit="chip", disable=not progress)
    with open_folder(chip_dir, plan) as folder, bar:
        wanted = [n for n in range(starting_from, starting_from + count) if not folder.has(n)]
        bar.update(count - len(wanted))
        with _mapped(partial(_scene_bytes, seed, size, pictures), wanted, workers) as results:
            for n, data in zip(wanted, results, strict=True):
                folder.put(n, {"synthetic": True, "scene": True, "seed": seed}, data)
                bar.update()
    return MadeScenes(Path(chip_dir), len(wanted), count - len(wanted))


def _scene_bytes(seed: int, size: int, photographs: tuple[str, ...], n: int) -> bytes:
    return chip_bytes(scene_chip(seed, n, size, photographs=photographs))


@contextmanager
def _mapped(work: partial[bytes], numbers: list[int], workers: int) -> Iterator[Iterator[bytes]]:
    """`map` in so many processes; in this one for a single worker."""
    if workers == 1 or len(numbers) < 2:
        yield map(work, numbers)
        return
    # Processes, not threads: inventing is mostly Python. Not forked, since torch's threads don't survive it.
    pool = ProcessPoolExecutor(min(workers, len(numbers)), multiprocessing.get_context("spawn"))
    try:
        yield _results(pool, work, numbers)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _results(pool: ProcessPoolExecutor, work: partial[bytes], numbers: list[int]) -> Iterator[bytes]:
    try:
        yield from pool.map(work, numbers)
    except BrokenProcessPool as error:
        raise ChipError("a process that invents scenes vanished; was it short of memory?") from error
