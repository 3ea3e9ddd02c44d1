"""Samples of a run: chips of a folder, simulated scenes, or both, in an order that a seed fixes.

A sample depends on the seed and on its place in the run alone, not on the process that makes it. A
run that was interrupted at place n therefore goes on with the samples that it would have seen.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from potato.chips import folder as chip_folder
from potato.chips.chip import MOST_BYTES, Chip, load_chip
from potato.chips.scenes import scene_chip, seed_of
from potato.core.color import mul_to_oklab
from potato.core.radiometry import counts_to_reflectance
from potato.core.resample import to_cells
from potato.core.sensor_table import WORLDVIEW_2
from potato.core.sensors import SCALE, Sensor
from potato.core.types import PathLike
from potato.errors import ChipError, SessionError
from potato.model.facts import WIDE_REACH
from potato.model.features import full_scale_weight, mul_sharpness, pan_sharpness, root
from potato.raster.untrusted import check_file
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
"""Unreadable chips in a row after which the run gives up."""

_CLEAN = 0.25
"""Share of chips without added artefacts, so that the network learns to tell the two apart."""

_PROBES = 16
"""Chips, evenly over a folder, whose bytes enter its digest, beside the names and sizes of all."""


class Batch(NamedTuple):
    """Chips on their way to the model: whole numbers, half the size of floats.

    Attributes:
        pan: (b, 1, rh, rw), uint16 counts as the int16 of equal bits, which every backend can copy.
        mul: (b, n, h, w), of the type of `pan`.
        target: int16 (b, 3, rh, rw), as in a chip.
        exposure: float32 (b,), factors for `augment.expose`.
        air: float32 (b, 2, 1 + n), for `augment.add_air`.
        artefact_weight: float32 (b,), 0..1: `chip_artefact_weight`, or 1 if artefacts were added.
        sensors: that of each chip; all have the same bands and ratio.
        whole: whether every pixel is valid.
        skipped: number of unreadable chips that were replaced by their neighbours.
        problem: the fault of the last of them, or "".
    """

    pan: Tensor
    mul: Tensor
    target: Tensor
    exposure: Tensor
    air: Tensor
    artefact_weight: Tensor
    sensors: Sequence[Sensor]
    whole: bool = False
    skipped: int = 0
    problem: str = ""

    def floats(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """float32 pan and mul as reflectance, and Oklab, on a device; 0 where invalid."""
        pan, mul = (
            counts_to_reflectance(bits.to(device, non_blocking=True).view(torch.uint16))
            for bits in (self.pan, self.mul)
        )
        return pan, mul, self.target.to(device, non_blocking=True).float() / SCALE

    def matrices(self, device: torch.device) -> Tensor:
        """The matrix from bands to XYZ of each chip (b, 3, n), float32, on a device."""
        return torch.tensor([one.bands_to_xyz for one in self.sensors]).mT.to(device, non_blocking=True)


def chip_paths(folder: PathLike) -> list[str]:
    """The chips of a folder, or of the folders in it, as `chips.folder.list_chips` has them.

    Raises:
        SessionError: if there are none.
    """
    try:
        return list(map(str, chip_folder.list_chips(folder)))
    except ChipError as error:
        raise SessionError(str(error)) from error


def load_trainable(path: str, sensor: Sensor) -> Chip:
    """Read a chip that a network for a sensor's bands and ratio can learn from.

    Raises:
        ChipError: if it can't be read.
        SessionError: if it has other bands or another ratio.
    """
    chip = load_chip(path)
    if not chip.sensor.fits(sensor):
        wanted, found = (f"{' '.join(one.bands)} ({one.ratio}:1)" for one in (sensor, chip.sensor))
        raise SessionError(
            f"{path}: expected a chip with the bands {wanted}, found {found} of {chip.sensor.title}; "
            "a network learns one band set, so leave other chips out"
        )
    return chip


def first_chip(paths: list[str]) -> Chip:
    """The first readable chip; all others must have its size, bands and ratio.

    Raises:
        SessionError: if none of the first few can be read.
    """
    problem = ""
    for path in paths[:_TRIES]:
        try:
            return load_chip(path)
        except ChipError as error:
            problem = str(error)
    raise SessionError(f"not one of the first {min(_TRIES, len(paths))} chips can be read: {problem}")


def data_digest(paths: list[str]) -> str:
    """16 hex digits that differ between lists of files with other names, sizes or content.

    The content of a few files stands for all: reading a large pool would take minutes.
    """
    digest = hashlib.sha256()
    try:
        for path in paths:
            digest.update(f"{Path(path).name} {Path(path).stat().st_size}\n".encode())
        for path in paths[:: max(1, len(paths) // _PROBES)]:
            check_file(path)
            with Path(path).open("rb") as file:
                digest.update(file.read(MOST_BYTES))
    except OSError as error:
        raise SessionError(f"{error.filename}: can't read this chip: {error.strerror}") from error
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Samples(Dataset[Batch]):
    """The endless series of a run's samples, by their places 0, 1, …; each is a `Batch` of one.

    Attributes:
        paths: chips; each appears once before any appears twice, in an order that the seed gives.
        scene_share: share of places that hold simulated scenes, spread evenly.
        size: height and width of all samples in pan pixels.
        seed: of the order, the scenes and the augmentation.
        instrument: whether chips get sensor artefacts; scenes have some already.
        passes: consecutive samples that show one simulated ground, each in a pass of its own.
        photographs: aerial photographs for scenes.
        sensors: those that see scenes; chips have their bands and ratio.
    """

    paths: tuple[str, ...]
    scene_share: float
    size: tuple[int, int]
    seed: int
    instrument: bool = True
    passes: int = 1
    photographs: tuple[str, ...] = ()
    sensors: tuple[Sensor, ...] = (WORLDVIEW_2,)

    def __getitem__(self, place: int) -> Batch:
        """The sample at a place.

        Raises:
            SessionError: if that chip and its neighbours can't be read.
        """
        generator = torch.Generator().manual_seed(seed_of(self.seed, "augment", place))
        scenes_before = int(place * self.scene_share)
        if int((place + 1) * self.scene_share) > scenes_before:
            ground, number = divmod(scenes_before, self.passes)
            chip = self._scene(ground, pass_index=number)
            weight, skipped, problem = chip_artefact_weight(chip), 0, ""
        else:
            chip, skipped, problem = self._chip(place - scenes_before)
            chip, weight = self._with_artefacts(chip, generator)
        symmetry = random_symmetry(generator)
        if self.size[0] != self.size[1]:
            symmetry = 2 * (symmetry // 2)  # only those that keep the sides
        pan, mul, target = (turn(image, symmetry) for image in (chip.pan, chip.mul, chip.target))
        turned = replace(chip, pan=pan, mul=mul, target=target)
        exposure = torch.tensor([random_exposure(generator)])
        air = random_air(generator, chip.sensor)[None]
        return _batch(turned, weight)._replace(exposure=exposure, air=air, skipped=skipped, problem=problem)

    def _chip(self, position: int) -> tuple[Chip, int, str]:
        """The chip at a position of the endless shuffle, or the next readable one."""
        round_, index = divmod(position, len(self.paths))
        order = torch.randperm(
            len(self.paths), generator=torch.Generator().manual_seed(seed_of(self.seed, "order", round_))
        )
        problem = ""
        for skipped in range(min(_TRIES, len(self.paths))):
            path = self.paths[int(order[(index + skipped) % len(self.paths)])]
            try:
                chip = load_trainable(path, self.sensors[0])
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

    def held_out(self, paths: Sequence[str], scenes: int = 0, ranks: Ranks = ALONE) -> Iterator[Batch]:
        """This process's share of the chips to test on, one by one.

        As many of them have sensor artefacts as in training, the same in each epoch. They aren't
        augmented otherwise.

        Args:
            paths: chips of any size; unreadable ones are left out.
            scenes: number of simulated scenes, from a series that training never sees; photographs
                that it sees are left out.
            ranks: this process among those of the run.
        """
        for index in range(ranks.rank, len(paths) + scenes, ranks.count):
            if index >= len(paths):
                scene = self._scene(index - len(paths), series="test scene")
                yield _batch(scene, chip_artefact_weight(scene))
                continue
            try:
                chip = load_trainable(paths[index], self.sensors[0])
            except ChipError:
                continue
            generator = torch.Generator().manual_seed(seed_of(self.seed, "test artefacts", index))
            yield _batch(*self._with_artefacts(chip, generator))

    def _with_artefacts(self, chip: Chip, generator: torch.Generator) -> tuple[Chip, float]:
        """The chip, perhaps with sensor artefacts, and its artefact weight."""
        if not self.instrument or float(torch.rand((), generator=generator)) < _CLEAN:
            return chip, chip_artefact_weight(chip)
        imager = random_imager(generator, chip.sensor)
        field = displacement_field(chip.mul.shape[1], chip.mul.shape[2], imager, generator)
        pan, mul = observe_again(chip.pan, chip.mul, imager, field, generator)
        # Artefacts that were just added are certain, however sharp pan is.
        return replace(chip, pan=pan, mul=mul), 1.0

    def _scene(self, ground: int, *, series: str = "scene", pass_index: int = 0) -> Chip:
        return scene_chip(
            self.seed,
            ground,
            self.size[0],
            series,
            pass_index=pass_index,
            photographs=self.photographs,
            sensors=self.sensors,
        )


def chip_artefact_weight(chip: Chip) -> float:
    """`features.full_scale_weight` of a chip's mean sharpness; 0 for a chip that isn't native."""
    if not chip.native:
        return 0.0
    pan = to_cells(counts_to_reflectance(chip.pan[None]), chip.sensor.ratio)
    lightness = mul_to_oklab(counts_to_reflectance(chip.mul[None]), chip.sensor)[:, :1]
    roots, shading, lightness = (
        F.pad(image, [WIDE_REACH] * 4) for image in (root(pan), root(pan.mean(1, keepdim=True)), lightness)
    )
    return float(full_scale_weight(pan_sharpness(roots).mean(), mul_sharpness(shading, lightness).mean()))


def _batch(chip: Chip, weight: float) -> Batch:
    """One chip as a batch, its images unchanged."""
    return Batch(
        chip.pan.view(torch.int16)[None],
        chip.mul.view(torch.int16)[None],
        chip.target[None],
        torch.ones(1),
        CLEAR_AIR.expand(2, 1 + len(chip.mul))[None],
        torch.tensor([weight]),
        (chip.sensor,),
        bool(chip.pan.numpy().all()) and bool(chip.mul.numpy().any(0).all()),
    )
