"""Fake chips: rare and difficult surfaces, drawn from their reflectances.

A training set of real imagery has few blue roofs and no safety yellow. Here pairs of measured
surfaces are mixed by 1/f² noise, the spectrum of natural scenes, so that every patch has texture at
every scale; several patches are cut together along contours of more noise, some with a dark gap
between. So colours are saturated and rare, edges are sharp, and nothing is flat.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from potato.chips.chip import SIZE, Chip, chip_bytes
from potato.chips.fill import Filled, NewChip, check_chip_numbers, fill_series
from potato.chips.placement import scramble
from potato.chips.wald import make_chip
from potato.core.band_sets import choose_sensors
from potato.core.noise import power_noise
from potato.core.radiometry import reflectance_to_counts
from potato.core.sensor_table import WORLDVIEW_2
from potato.core.sensors import Sensor
from potato.core.types import PathLike
from potato.engine.executor import open_executor
from potato.engine.torch_threads import one_thread
from potato.errors import InputError
from potato.raster.output_files import check_folder
from potato.simulation.land.basis import mix_planes, random_shares
from potato.simulation.land.reflectances import Reflectance, load_reflectances

FINER = 2
"""Pixels of fake ground along one side of a pan pixel, so that edges fall between pan pixels."""

PATCHES = (2, 7)
"""Range of the number of patches in a chip, end excluded."""

_FORMAT = 1
"""Version of the chips, part of the plan; raise it when a seed gives other chips."""

_SKY = (0.85, 1.5, 1.35, 1.0, 0.85, 0.75, 0.6, 0.5, 0.45)
"""Light in a shadow in pan and in each band, relative to green: the sky is blue."""

_SHADOW = 0.18
"""Share of the light that reaches a dark gap, in green."""


def fake_chips(
    chip_dir: PathLike,
    *,
    count: int = 1024,
    starting_from: int = 0,
    seed: int = 0,
    reflectances: PathLike | None = None,
    size: int = SIZE,
    sensor: str = "worldview",
    workers: int | None = None,
    progress: bool = False,
) -> Filled:
    """Fake chips of rare, difficult surfaces.

    Chip n of a seed is always the same, whatever the chips before it and the number of workers.
    Chips that are there already stay, so repeating a run that was cut short finishes it.

    Args:
        chip_dir: the folder for `0.pt`, `1.pt`, … and `manifest.jsonl`; made if it isn't there.
        count: how many chips.
        starting_from: number of the first chip.
        seed: of everything random; another seed gives other chips.
        reflectances: a CSV of surfaces, as `get-reflectance` writes them; None for the packaged
            list.
        size: side of a chip in pan pixels, a multiple of the ratio, at least 16.
        sensor: a band set, of which each chip is seen by a random sensor, or one sensor.
        workers: threads; None for one per core that this process may use.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError: if a number is out of range, or the list can't be used.
        ChipError: if other chips are in the folder.
        OutputError: if a chip can't be written.
    """
    check_folder(chip_dir)
    check_chip_numbers(count, starting_from)
    sensors = choose_sensors(sensor)
    ratio = sensors[0].ratio
    if size < 16 or size % ratio:
        raise InputError(f"expected a chip of a multiple of {ratio} pan pixels, 16 or more, found {size}")
    surfaces = load_reflectances(None if reflectances is None else Path(reflectances))
    if len(surfaces) < 2:
        raise InputError(f"{reflectances}: expected 2 surfaces or more to mix, found {len(surfaces)}")
    spectra = [(one.name, one.pan, one.bands) for one in surfaces]
    facts = (_FORMAT, "synthetic", seed, size, spectra, [one.name for one in sensors])

    def work(n: int) -> NewChip:
        chip, names = fake_chip(seed, n, surfaces, size, sensors)
        return NewChip(n, chip_bytes(chip), {"synthetic": True, "seed": seed, "surfaces": names})

    numbers = range(starting_from, starting_from + count)
    with open_executor(workers) as executor:
        return fill_series(chip_dir, facts, numbers, work, executor, progress)


@one_thread()
def fake_chip(
    seed: int,
    n: int,
    surfaces: Sequence[Reflectance],
    size: int = SIZE,
    sensors: Sequence[Sensor] = (WORLDVIEW_2,),
) -> tuple[Chip, list[str]]:
    """Fake one chip; equal arguments give equal chips.

    Args:
        seed: of the series.
        n: number of the chip in the series.
        surfaces: to choose from, at least 2.
        size: side of the chip in pan pixels.
        sensors: those of which one, at random, sees the chip.

    Returns:
        The chip, and the names of its surfaces, two for each patch.
    """
    generator = torch.Generator().manual_seed(scramble(seed, n) >> 1)
    side = FINER * size
    patches = int(torch.randint(*PATCHES, (), generator=generator))
    chosen = _choose(surfaces, patches, generator)
    spectra = torch.tensor([(one.pan, *one.bands) for one in chosen])
    ground = _ground(spectra[0::2], spectra[1::2], side, generator)
    sensor = sensors[scramble(seed, n, len(sensors)) % len(sensors)]
    counts = reflectance_to_counts(mix_planes(ground, random_shares(sensor, generator)), least=1)
    chip = make_chip(counts[0], counts[1:], None, None, FINER, FINER, sensor)
    return chip, [one.name for one in chosen]


def _choose(surfaces: Sequence[Reflectance], patches: int, generator: torch.Generator) -> list[Reflectance]:
    """Choose two surfaces for each patch, half of the time of one kind."""
    chosen = []
    for _ in range(patches):
        first = surfaces[int(torch.randint(len(surfaces), (), generator=generator))]
        others = [one for one in surfaces if one is not first]
        alike = [one for one in others if one.kind == first.kind]
        if alike and float(torch.rand((), generator=generator)) < 0.5:
            others = alike
        chosen += [first, others[int(torch.randint(len(others), (), generator=generator))]]
    return chosen


def _ground(first: Tensor, second: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Reflectance (9, side, side) of patches, each of two spectra (patches, 9)."""
    patches = len(first)
    labels, gaps = _regions(patches, side, generator)
    # Each patch mixes its surfaces in its own way, from a faint veil to marble.
    gain = _uniform(patches, 0.15, 1.2, generator)
    middle = _uniform(patches, 0.2, 0.8, generator)
    light = _uniform(patches, 0.12, 0.3, generator)
    fields = [power_noise(side, side, generator, exponent) for exponent in (0.9, 1.0, 1.1)]
    mix, shade = (torch.zeros(side, side) for _ in range(2))
    for patch in range(patches):
        here = labels == patch
        turn = torch.randint(side, (2, 2), generator=generator).tolist()
        field = _moved(fields[patch % 3], turn[0])
        mix[here] = (middle[patch] + gain[patch] * field[here]).clamp_(0, 1)
        shade[here] = light[patch] * _moved(fields[(patch + 1) % 3], turn[1])[here]
    shade.exp_().clamp_(0.4, 2.0)
    planes = []
    for index in range(first.shape[1]):
        low, high = first[:, index], second[:, index]
        plane = torch.addcmul(low[labels], (high - low)[labels], mix).mul_(shade)
        planes.append(plane.mul_(1 - gaps * (1 - _SHADOW * _SKY[index])))
    return torch.stack(planes)


def _regions(patches: int, side: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The patch of each pixel (side, side), and the darkness of gaps between patches, 0..1."""
    exponent = float(_uniform(1, 1.3, 2.4, generator))
    sheet = power_noise(side, side, generator, exponent)
    best = torch.full((side, side), -torch.inf)
    next_best = best.clone()
    labels = torch.zeros(side, side, dtype=torch.long)
    for patch in range(patches):
        # Every third patch gets a new field. The two others move it, transposed or flipped.
        if patch and patch % 3 == 0:
            sheet = power_noise(side, side, generator, exponent)
        turn = torch.randint(side, (2,), generator=generator).tolist()
        score = _moved(sheet.T if patch % 3 == 1 else sheet.flip(0) if patch % 3 == 2 else sheet, turn)
        wins = score > best
        next_best = torch.where(wins, best, torch.maximum(next_best, score))
        best = torch.where(wins, score, best)
        labels[wins] = patch
    width = 0.3 * float(_uniform(1, 0, 1, generator)) ** 2
    uneven = power_noise(side, side, generator, 1.6).mul_(0.6).add_(0.5).clamp_(0, 1)
    gaps = 1 - ((best - next_best) / (width * uneven).clamp_min(1e-6)).clamp_(0, 1)
    return labels, (gaps * 3).clamp_(0, 1)


def _moved(field: Tensor, turn: list[int]) -> Tensor:
    """A field moved by rows and columns; it wraps around, so no seam shows."""
    return torch.roll(field, (turn[0], turn[1]), (0, 1))


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)
