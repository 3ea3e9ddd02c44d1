"""Chips of simulated scenes: ground that never was, photographed by the instrument, with the truth known."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

import torch
from tqdm import tqdm

from potato.chips.chip import SIZE, Chip, chip_bytes, encode_oklab
from potato.chips.folder import open_folder
from potato.chips.making import check_numbers
from potato.color import mul_to_oklab
from potato.errors import ChipError, InputError
from potato.scenes.ground import LEAST_SIDE, Ground, make_ground
from potato.scenes.instrument import observe, ragged_mask, random_sensor, truth
from potato.sensor import RATIO

__all__ = ["MadeScenes", "make_scenes", "scene_chip", "seed_of"]

_FORMAT = 1
"""Goes up when the same seed begins to mean other scenes."""

_RAGGED = 0.1
"""Share of the scenes that a ragged edge cuts."""


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


def scene_chip(seed: int, index: int, size: int = SIZE, kind: str = "scene", look: int = 0) -> Chip:
    """The chip of one simulated scene; the same arguments always give the same chip.

    The target is the truth on pan's own pixels, haze included; a tenth of the chips have a ragged edge
    beyond which nothing is valid.

    Args:
        seed: of the series.
        index: of the ground in the series.
        size: pan pixels along a side, a multiple of 4, at least 64.
        kind: another word gives another series: training and test scenes never meet.
        look: which pass over that ground: another sensor, haze, noise and edge.
    """
    ground = _ground(seed, kind, index, size)
    generator = torch.Generator().manual_seed(seed_of(seed, kind, index, "look", look))
    sensor = random_sensor(generator)
    pan, mul = observe(ground, generator, sensor)
    oklab = mul_to_oklab(truth(ground, sensor)[1])
    valid = torch.ones(size, size, dtype=torch.bool)
    if float(torch.rand((), generator=generator)) < _RAGGED:
        valid = ragged_mask(size, size, generator, share=0.4 * float(torch.rand((), generator=generator)))
    # A cell is seen whole or not at all, as after Wald's protocol.
    whole = valid.reshape(size // RATIO, RATIO, size // RATIO, RATIO).all(3).all(1)
    target_valid = whole.repeat_interleave(RATIO, 0).repeat_interleave(RATIO, 1)
    counts = (pan.int() * valid).to(torch.uint16), (mul.int() * whole).to(torch.uint16)
    return Chip(counts[0][None], counts[1], encode_oklab(oklab, target_valid))


@lru_cache(maxsize=2)
def _ground(seed: int, kind: str, index: int, size: int) -> Ground:
    """The last grounds are remembered: to invent one takes seven times as long as to look at it."""
    return make_ground(size, size, torch.Generator().manual_seed(seed_of(seed, kind, index)))


def make_scenes(
    chip_dir: str | os.PathLike[str],
    *,
    count: int,
    starting_from: int = 0,
    seed: int = 0,
    size: int = SIZE,
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
    plan = sha256(repr((_FORMAT, "scenes", seed, size)).encode()).hexdigest()[:16]
    bar = tqdm(total=count, unit="chip", disable=not progress)
    with open_folder(chip_dir, plan) as folder, bar:
        wanted = [n for n in range(starting_from, starting_from + count) if not folder.has(n)]
        bar.update(count - len(wanted))
        with _mapped(partial(_scene_bytes, seed, size), wanted, workers) as results:
            for n, data in zip(wanted, results, strict=True):
                folder.put(n, {"synthetic": True, "scene": True, "seed": seed}, data)
                bar.update()
    return MadeScenes(Path(chip_dir), len(wanted), count - len(wanted))


def _scene_bytes(seed: int, size: int, n: int) -> bytes:
    return chip_bytes(scene_chip(seed, n, size))


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
