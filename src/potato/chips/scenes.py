"""Chips of simulated scenes: simulated ground, seen by a simulated imager, with the truth known.

Shares and ranges were chosen by eye.
"""

import math
import multiprocessing
from dataclasses import replace
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from potato.chips.chip import SIZE, Chip, chip_bytes, encode_oklab
from potato.chips.fill import Filled, NewChip, check_chip_numbers, fill_series
from potato.core.band_sets import choose_sensors
from potato.core.color import mul_to_oklab
from potato.core.resample import enlarge_mask
from potato.core.sensor_table import WORLDVIEW_2
from potato.core.sensors import Sensor
from potato.core.types import PathLike
from potato.engine.executor import open_executor
from potato.engine.memory import keep_freed_memory
from potato.errors import InputError
from potato.raster.pictures import read_photograph
from potato.simulation.clutter import scatter_objects
from potato.simulation.dead_leaves import lay_dead_leaves
from potato.simulation.ground import (
    LEAST_SIDE,
    Ground,
    desaturate,
    make_ground,
    sharpen_edges,
    soften,
    vary_foliage,
    warm,
)
from potato.simulation.imager import FINE, Imager, observe, observe_coarser, ragged_mask, truth
from potato.simulation.land.reflectances import load_reflectances
from potato.simulation.photographs import lay_photographs
from potato.simulation.random_imager import random_imager, sharpened_on_grid, softened
from potato.simulation.spectral_lift import SpectralLibrary

_FORMAT = 9
"""Version of the chips, part of the plan; raise it when a seed gives other chips."""

_RAGGED = 0.1
"""Share of the scenes with a ragged edge, which makes up to 0.4 of their pixels invalid."""

_COARSER = 0.5
"""Share of the scenes made by Wald's protocol, like many pairs in comparisons of sharpeners."""

_HALVED = 0.05
"""Share of the scenes made by Wald's protocol after an extra halving; part of `_COARSER`."""

_ON_GRID = 0.6
"""Share of the other scenes whose mul is sharpened on its own grid."""

GROUNDS = {"photographs": 0.55, "leaves": 0.1, "land": 0.35}
"""Kinds of ground and their shares; without photographs, the others keep their proportion."""

_CLUTTER = 25.0
"""Objects per hectare, as `scatter_objects` takes it; they cover a tenth of a scene on average."""

_LEAST_SATURATION = 0.1
"""Lowest saturation of a ground, as `desaturate` takes it."""

_EDGE_SHARPENING = 0.45
"""Sharpening of drawn ground, whose edges are softer than those of means over real ground."""

_SOFT, _SOFTEST = 0.25, 8
"""Share of soft grounds, like fields and sand, and the most rounds of `soften`."""

_HELD_OUT = 10
"""One photograph in so many is never trained on: it is for every series but "scene"."""

_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})


def seed_of(*parts: object) -> int:
    """A seed that depends on all of `parts` and on nothing else.

    Example:
        >>> seed_of(0, "scene", 1) == seed_of(0, "scene", 1) != seed_of(0, "scene", 2)
        True
    """
    return int.from_bytes(sha256("/".join(map(str, parts)).encode()).digest()[:8], "big") >> 1


def list_photographs(folder: PathLike | None) -> tuple[str, ...]:
    """List the aerial photographs in a folder and its subfolders by name; none if `folder` is None.

    Raises:
        InputError: if the folder holds none.
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
    series: str = "scene",
    pass_index: int = 0,
    photographs: tuple[str, ...] = (),
    ground: str | None = None,
    sensors: tuple[Sensor, ...] = (WORLDVIEW_2,),
) -> Chip:
    """The chip of one simulated scene; equal arguments give equal chips.

    The target is the truth at pan's own pixels, haze included. A tenth of the chips have a ragged
    edge beyond which nothing is valid.

    Args:
        seed: another seed gives other scenes.
        index: number of the ground in its series.
        size: pan pixels along a side, a multiple of the ratio, at least 64.
        series: "scene" is for training, which sees no scenes and photographs of other series.
        pass_index: which pass over the ground: each has another imager, haze, noise and edge.
        photographs: aerial photographs for the ground, of `list_photographs`.
        ground: one of `GROUNDS`; None for a random one.
        sensors: those of which one, at random, sees the scene in this pass.

    Raises:
        InputError: if `ground` is "photographs" and there are too few of them.
    """
    first = torch.Generator().manual_seed(seed_of(seed, series, index, "series"))
    draw = float(torch.rand((), generator=first))
    coarser, halved = draw < _COARSER, draw < _HALVED
    side = size * (FINE if coarser and not halved else 1)
    land = _ground(seed, series, index, side, photographs, ground)
    generator = torch.Generator().manual_seed(seed_of(seed, series, index, "look", pass_index))
    sensor = sensors[seed_of(seed, series, index, "sensor", pass_index) % len(sensors)]
    imager = random_imager(generator, sensor)
    if coarser:
        pan, mul, bands = observe_coarser(land, generator, softened(_for_coarser(imager), generator), halved)
    else:
        if float(torch.rand((), generator=generator)) < _ON_GRID:
            imager = sharpened_on_grid(imager, generator)
        pan, mul = observe(land, generator, softened(imager, generator))
        bands = truth(land, imager)[1]
    valid = torch.ones(size, size, dtype=torch.bool)
    if float(torch.rand((), generator=generator)) < _RAGGED:
        valid = ragged_mask(size, size, generator, share=0.4 * float(torch.rand((), generator=generator)))
    whole = whole_cells(valid, sensor.ratio)
    pan, mul = (pan.int() * valid).to(torch.uint16), (mul.int() * whole).to(torch.uint16)
    target = encode_oklab(mul_to_oklab(bands, sensor), enlarge_mask(whole, sensor.ratio))
    return Chip(pan[None], mul, target, native=not coarser, sensor=sensor)


def whole_cells(valid: Tensor, ratio: int) -> Tensor:
    """The mask of mul (h, w) for a mask of pan (rh, rw): cells whose pan pixels are all valid.

    Chips by Wald's protocol follow this rule, too.
    """
    height, width = valid.shape
    return valid.reshape(height // ratio, ratio, width // ratio, ratio).all(3).all(1)


def _for_coarser(imager: Imager) -> Imager:
    """An imager for Wald's protocol: its truth rings like real mul, its arrays are further apart.

    The larger displacement replaces movement and parallax, which only pairs at full scale show. Mul
    as a whole lies on pan, since coarser pixels make its displacement small.
    """
    (down, right), sides = imager.displacement, imager.band_sides
    middle = sum(sides) / len(sides)
    return replace(
        imager,
        displacement=(1.4 * down, 1.4 * right),
        sides=tuple(side - middle for side in sides),
        mul_mtf_boost=max(0.0, imager.mul_mtf_boost - 0.2),
        mul_fine_mtf_boost=imager.mul_fine_mtf_boost + 1.0,
    )


@lru_cache(maxsize=1)
def _library() -> SpectralLibrary:
    return SpectralLibrary.of(load_reflectances())


@lru_cache(maxsize=2)
def _ground(
    seed: int, series: str, index: int, size: int, photographs: tuple[str, ...], ground: str | None
) -> Ground:
    """A ground. The last two are cached: drawing one takes several times as long as imaging it."""
    generator = torch.Generator().manual_seed(seed_of(seed, series, index))
    library = _library()
    if ground is None:
        shares = {name: share for name, share in GROUNDS.items() if photographs or name != "photographs"}
        drawn = torch.multinomial(torch.tensor(list(shares.values())), 1, generator=generator)
        ground = list(shares)[int(drawn)]
    if ground == "leaves":
        laid = lay_dead_leaves(size, size, library, generator)
    elif ground == "land":
        laid = make_ground(size, size, generator, palette=library.palette)
    else:
        training = series == "scene"
        own = [path for n, path in enumerate(photographs) if (n % _HELD_OUT > 0) == training]
        if not own:
            raise InputError(f"expected at least {_HELD_OUT} photographs, found {len(photographs)}")
        laid = lay_photographs(
            size, size, lambda rng: torch.from_numpy(read_photograph(rng.choice(own))), library, generator
        )
    return _vary(laid, sharp=ground == "photographs", library=library, generator=generator)


def _vary(ground: Ground, sharp: bool, library: SpectralLibrary, generator: torch.Generator) -> Ground:
    """Vary foliage, saturation and warmth, and add clutter; sharpen, unless `sharp`, or soften."""
    if not sharp:
        ground = sharpen_edges(ground, _EDGE_SHARPENING)
    loss, share, amount, evenness, dimness = torch.rand(5, generator=generator).tolist()
    ground = vary_foliage(ground, 0.15 + 0.35 * amount, 0.6 * evenness - 0.3, 0.2 + 0.5 * dimness, generator)
    typical = ground.planes.mean((1, 2))
    spectrum = (1 - share) * typical / typical.mean() + share * library.random_neutral(generator)
    ground = desaturate(ground, 1 - (1 - _LEAST_SATURATION) * math.sqrt(loss), spectrum)
    ground = warm(ground, 1 + 0.7 * float(torch.randn((), generator=generator)))
    ground = scatter_objects(ground, _CLUTTER, library, generator)
    soft, rounds = torch.rand(2, generator=generator).tolist()
    return soften(ground, 1 + int(rounds * _SOFTEST)) if soft < _SOFT else ground


def make_scenes(
    chip_dir: PathLike,
    *,
    count: int,
    starting_from: int = 0,
    seed: int = 0,
    size: int = SIZE,
    photographs: PathLike | None = None,
    sensor: str = "worldview",
    workers: int = 1,
    progress: bool = False,
) -> Filled:
    """Write chips of simulated scenes, with their manifest.

    Chip n depends on the seed, the size, the photographs and the sensors alone, so repeating an
    interrupted run completes it: chips that are there already stay.

    Args:
        chip_dir: the folder for `0.pt`, `1.pt`, … and `manifest.jsonl`; made if it isn't there.
        count: number of chips, those that are there already included.
        starting_from: number of the first chip.
        seed: another seed gives other scenes.
        size: side of a chip in pan pixels, a multiple of the ratio, at least 64.
        photographs: folder of at least 10 aerial photographs, of which most scenes are made then;
            one in ten is kept for judging.
        sensor: a band set, of which each scene is seen by a random sensor, or one sensor.
        workers: processes that make scenes; a single one is this process.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError: if a number is out of its range, or the photographs are too few.
        ChipError: if other chips are in the folder, or a worker process dies.
        OutputError: if a chip can't be written.
    """
    check_chip_numbers(count, starting_from)
    sensors = choose_sensors(sensor)
    check_size(size, sensors[0])
    pictures = list_photographs(photographs)
    names = [Path(path).name for path in pictures]
    numbers = range(starting_from, starting_from + count)
    facts = (_FORMAT, "scenes", seed, size, names, [one.name for one in sensors])
    work = partial(_make_scene, seed, size, pictures, sensors)
    # Processes, since drawing is mostly Python, which holds the interpreter's lock.
    with open_executor(workers, kind="serial" if workers == 1 else "processes") as executor:
        return fill_series(chip_dir, facts, numbers, work, executor, progress)


def check_size(size: int, sensor: Sensor) -> None:
    """Refuse a side of a scene, in pan pixels, that is too small or no multiple of the ratio.

    Raises:
        InputError: in these cases.
    """
    if size < LEAST_SIDE or size % sensor.ratio:
        raise InputError(
            f"expected a size from {LEAST_SIDE} pan pixels that {sensor.ratio} divides, found {size}"
        )


def _make_scene(
    seed: int, size: int, photographs: tuple[str, ...], sensors: tuple[Sensor, ...], n: int
) -> NewChip:
    if multiprocessing.parent_process():
        keep_freed_memory()
    chip = scene_chip(seed, n, size, photographs=photographs, sensors=sensors)
    return NewChip(n, chip_bytes(chip), {"synthetic": True, "scene": True, "seed": seed})
