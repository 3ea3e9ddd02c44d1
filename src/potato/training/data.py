"""What the loop learns from: chips of a folder, simulated scenes, or both, in an order that a seed fixes.

A sample is a function of its place in the run and of the seed; which process makes it, and when, changes
nothing. So a run that goes on at place n sees what it would have seen.
"""

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from potato.chips.chip import Chip, load_chip
from potato.chips.folder import chip_numbers
from potato.chips.scenes import scene_chip, seed_of
from potato.core.resample import to_cells
from potato.core.sensors import SCALE
from potato.errors import ChipError, SessionError
from potato.model.features import WIDE_REACH, artefact_weight, sharpness
from potato.simulation.imager import displacement_field
from potato.simulation.random_imager import random_imager
from potato.simulation.reobserve import observe_again
from potato.training.augment import (
    CLEAR_AIR,
    random_air,
    random_exposure,
    random_symmetry,
    turn,
)
from potato.training.distributed import ALONE, Ranks

_TRIES = 16
"""Chips in a row that may be unreadable before the run gives up."""

_CLEAN = 0.25
"""Share of chips that keep their cleanness: the network has to tell ringing from its absence."""

_PROBES = 16
"""Chips, evenly over a folder, whose bytes count in its digest; of the others, name and size do."""


class Batch(NamedTuple):
    """Chips as they travel: whole numbers, half the size of floats.

    Attributes:
        pan: (b, 1, 4h, 4w), the bits of uint16 counts as int16, which every backend can copy.
        mul: (b, 8, h, w), the same.
        target: int16 (b, 3, 4h, 4w), as in a chip.
        exposure: float32 (b,), factors for `augment.expose`.
        air: float32 (b, 2, 9), for `augment.add_air`.
        doubt: float32 (b,), 0..1: how little mul's fine colour and lightness are to be trusted, as
            `model.doubt` has it.
        skipped: chips that couldn't be read and were replaced by their neighbours.
        problem: what was wrong with the last of them, or "".
    """

    pan: Tensor
    mul: Tensor
    target: Tensor
    exposure: Tensor
    air: Tensor
    doubt: Tensor
    skipped: int = 0
    problem: str = ""

    def floats(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """float32 pan and mul as reflectance, and Oklab, on a device; 0 where invalid."""
        pan, mul = (
            bits.to(device, non_blocking=True).view(torch.uint16).float() / SCALE
            for bits in (self.pan, self.mul)
        )
        return pan, mul, self.target.to(device, non_blocking=True).float() / SCALE


def list_chips(folder: str | os.PathLike[str]) -> list[str]:
    """The chips of a folder, `0.pt`, `1.pt`, …, by number.

    Raises:
        SessionError: if there are none.
    """
    try:
        numbers = chip_numbers(Path(folder))
    except OSError as error:
        raise SessionError(
            f"{folder}: expected a folder of chips, can't list it: {error.strerror}"
        ) from error
    if not numbers:
        raise SessionError(
            f"{folder}: expected a folder of chips (0.pt, 1.pt, …), found none; see make-chips"
        )
    return [str(Path(folder) / f"{number}.pt") for number in numbers]


def chip_size(paths: list[str]) -> tuple[int, int]:
    """Height and width in pan pixels of the first chip that can be read; all others must have them too.

    Raises:
        SessionError: if none of the first few can be read.
    """
    problem = ""
    for path in paths[:_TRIES]:
        try:
            return load_chip(path).size
        except ChipError as error:
            problem = str(error)
    raise SessionError(f"not one of the first {min(_TRIES, len(paths))} chips can be read: {problem}")


def data_digest(paths: list[str]) -> str:
    """16 hex digits that tell one list of chips from another.

    Names and sizes of all, bytes of some: reading every chip would take minutes on a large pool.
    """
    digest = hashlib.sha256()
    try:
        for path in paths:
            digest.update(f"{Path(path).name} {Path(path).stat().st_size}\n".encode())
        for path in paths[:: max(1, len(paths) // _PROBES)]:
            digest.update(Path(path).read_bytes())
    except OSError as error:
        raise SessionError(f"{error.filename}: can't read this chip: {error.strerror}") from error
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Samples(Dataset[Batch]):
    """The samples of a run by their places, 0, 1, …, without end; each is a `Batch` of one.

    Attributes:
        paths: chips; each comes once before any comes twice, in an order that the seed gives.
        share: of the places that hold simulated scenes, spread evenly.
        size: pan pixels (height, width) of everything.
        seed: of the order, the scenes and the augmentation.
        instrument: whether chips are given faults of the instrument. Scenes have theirs.
        passes: samples in a row that show one simulated ground, by different passes of the instrument.
        photographs: for scenes.
    """

    paths: tuple[str, ...]
    share: float
    size: tuple[int, int]
    seed: int
    instrument: bool = True
    passes: int = 1
    photographs: tuple[str, ...] = ()

    def __getitem__(self, place: int) -> Batch:
        """The sample at a place.

        Raises:
            SessionError: if that chip and its neighbours can't be read.
        """
        generator = torch.Generator().manual_seed(seed_of(self.seed, "augment", place))
        scenes_before = int(place * self.share)
        if int((place + 1) * self.share) > scenes_before:
            ground, look = divmod(scenes_before, self.passes)
            chip = scene_chip(self.seed, ground, self.size[0], pass_index=look, photographs=self.photographs)
            skipped, problem, faults = 0, "", False
        else:
            chip, skipped, problem = self._chip(place - scenes_before)
            faults = self.instrument and float(torch.rand((), generator=generator)) >= _CLEAN
        pan, mul = chip.pan, chip.mul
        if faults:
            sensor = random_imager(generator)
            field = displacement_field(mul.shape[1], mul.shape[2], sensor, generator)
            pan, mul = observe_again(pan, mul, sensor, field, generator)
        doubted = 1.0 if faults else _doubt(chip)  # what was just made is doubted, whatever pan looks like
        symmetry = random_symmetry(generator)
        if self.size[0] != self.size[1]:
            symmetry = 2 * (symmetry // 2)  # only those that keep the sides
        pan, mul, target = (turn(image, symmetry) for image in (pan, mul, chip.target))
        exposure = torch.tensor([random_exposure(generator)])
        return Batch(
            pan.view(torch.int16)[None],
            mul.view(torch.int16)[None],
            target[None],
            exposure,
            random_air(generator)[None],
            torch.tensor([doubted]),
            skipped,
            problem,
        )

    def _chip(self, position: int) -> tuple[Chip, int, str]:
        """The chip at a position of the endless shuffle, or the next that can be read."""
        round_, index = divmod(position, len(self.paths))
        order = torch.randperm(
            len(self.paths), generator=torch.Generator().manual_seed(seed_of(self.seed, "order", round_))
        )
        problem = ""
        for skipped in range(min(_TRIES, len(self.paths))):
            path = self.paths[int(order[(index + skipped) % len(self.paths)])]
            try:
                chip = load_chip(path)
                if chip.size != self.size:
                    raise ChipError(
                        f"{path}: expected a chip of {self.size} pixels like the rest, found {chip.size}"
                    )
                return chip, skipped, problem
            except ChipError as error:
                problem = str(error)
        raise SessionError(
            f"{min(_TRIES, len(self.paths))} chips in a row can't be used, the last one: {problem}"
        )


def _doubt(chip: Chip) -> float:
    """How far mul is to be doubted: where an instrument delivered the pair, pan's sharpness tells it."""
    if not chip.native:
        return 0.0
    pixels = to_cells(chip.pan[None].float() / SCALE) ** (1 / 3)
    return float(artefact_weight(sharpness(F.pad(pixels, [WIDE_REACH] * 4)).mean()))


def collate(samples: list[Batch]) -> Batch:
    """One batch of several; `Samples` gives batches of one."""
    return Batch(
        torch.cat([one.pan for one in samples]),
        torch.cat([one.mul for one in samples]),
        torch.cat([one.target for one in samples]),
        torch.cat([one.exposure for one in samples]),
        torch.cat([one.air for one in samples]),
        torch.cat([one.doubt for one in samples]),
        sum(one.skipped for one in samples),
        next((one.problem for one in samples if one.problem), ""),
    )


def open_batches(
    samples: Samples,
    first: int,
    last: int,
    logical: int,
    physical: int,
    workers: int = 0,
    ranks: Ranks = ALONE,
) -> Generator[list[Batch], None, None]:
    """What each step learns from, in this process's share of the run.

    Args:
        samples: what there is.
        first: number of the first step.
        last: number of the step after the last.
        logical: chips of a step in all processes together; their number divides it.
        physical: chips of a batch at most.
        workers: processes that make batches ahead; 0 makes them when they are asked for.
        ranks: which process this is.

    Yields:
        For each step, its batches.

    Raises:
        SessionError: if a worker vanishes, or chips can't be read.
    """
    if logical % ranks.count:
        raise SessionError(f"expected a logical batch that {ranks.count} processes divide, found {logical}")
    own = logical // ranks.count
    start = ranks.rank * own
    pieces = [(start + low, start + min(low + physical, own)) for low in range(0, own, physical)]
    loader = iter(_loader(samples, _Places(first, last, logical, pieces), workers))
    try:
        for _ in range(first, last):
            yield [_next(loader) for _ in pieces]
    finally:
        # Let the workers go now, not when the garbage is collected.
        getattr(loader, "_shutdown_workers", lambda: None)()


@dataclass(frozen=True)
class _Places(Sampler[list[int]]):
    """The places of each batch, in the order of the steps."""

    first: int
    last: int
    logical: int
    pieces: list[tuple[int, int]]

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.first, self.last):
            for low, high in self.pieces:
                yield list(range(step * self.logical + low, step * self.logical + high))


def _loader(samples: Samples, places: _Places, workers: int) -> DataLoader[Batch]:
    context = None
    if workers:
        # A forked child inherits locks of threads that it doesn't have.
        methods = multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    return DataLoader(
        samples,
        batch_sampler=places,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_start_worker if workers else None,
        multiprocessing_context=context,
        prefetch_factor=4 if workers else None,
    )


def _start_worker(number: int) -> None:
    """Leave Ctrl-C to the process that knows what to save."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _next(loader: Iterator[Batch]) -> Batch:
    try:
        return next(loader)
    except SessionError as error:
        # From a worker it comes wrapped in that worker's traceback; its last line says what was wrong.
        raise SessionError(str(error).strip().splitlines()[-1].split("SessionError: ")[-1]) from error
    except (RuntimeError, OSError, EOFError) as error:  # EOF and resets where it died while it was sending
        reason = " ".join(str(error).split())[:200]
        raise SessionError(
            f"a process that makes batches vanished or failed ({reason}); the last saved state is intact: "
            "the same command goes on from it, --workers 0 needs the least memory"
        ) from error


def held_out(
    paths: list[str],
    scenes: int,
    size: tuple[int, int],
    seed: int,
    ranks: Ranks = ALONE,
    photographs: tuple[str, ...] = (),
) -> Iterator[Batch]:
    """Chips to judge by, this process's share, never augmented, one by one.

    Args:
        paths: chips of any size; those that can't be read are counted as skipped, with nothing in them.
        scenes: how many simulated scenes, from a series that training never sees.
        size: of those.
        seed: of those.
        ranks: which process this is.
        photographs: for scenes; those that training sees aren't taken.
    """
    one, clear = torch.ones(1), CLEAR_AIR[None]
    for index in range(ranks.rank, len(paths) + scenes, ranks.count):
        try:
            chip = (
                load_chip(paths[index])
                if index < len(paths)
                else scene_chip(seed, index - len(paths), size[0], "test scene", photographs=photographs)
            )
        except ChipError as error:
            nothing = torch.empty(0, 1, 0, 0, dtype=torch.int16)
            yield Batch(nothing, nothing, nothing, one[:0], clear[:0], one[:0], 1, str(error))
            continue
        yield Batch(
            chip.pan.view(torch.int16)[None],
            chip.mul.view(torch.int16)[None],
            chip.target[None],
            one,
            clear,
            torch.tensor([_doubt(chip)]),
        )
