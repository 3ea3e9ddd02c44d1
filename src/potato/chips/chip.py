"""A chip: a small training pair and its truth, and the file that holds one.

`docs/formats.md` describes the file: three integer tensors in units of 1/10,000, in which 0 is an
invalid pixel, an optional flag, and the name of the sensor, unless that has the bands and colours
of WorldView-2. The file's name doesn't change its bytes.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from potato.core.draw import draw_triple
from potato.core.notebook import Shown, View
from potato.core.platforms import find_sensor
from potato.core.radiometry import counts_to_reflectance
from potato.core.sensor_table import WORLDVIEW_2
from potato.core.sensors import SCALE, Sensor
from potato.core.text import one_line
from potato.core.types import PathLike
from potato.errors import ChipError, InputError
from potato.model.tensor_file import load_tensors
from potato.raster.atomic import write_whole
from potato.raster.encoding import encode_png

SIZE = 512
"""Default side of a chip in pan pixels."""

MOST_BYTES = 64 << 20
"""Bytes of the largest file that is opened, and of its largest tensor; chips have 2.4 million."""

_MAXIMUM = 32_767
"""The largest code of int16: Oklab ±3.2767, which no uint16 mul can leave."""

_TENSORS = ("pan", "mul", "target")


@dataclass(frozen=True, eq=False)
class Chip(Shown):
    """A pan, a mul, and the picture that a perfect sharpener would make of them.

    Attributes:
        pan: uint16 (1, rh, rw), reflectance × 10,000; 0 where invalid.
        mul: uint16 (n, h, w), bands in the order of the sensor's, reflectance × 10,000; 0 in every
            band where invalid.
        target: int16 (3, rh, rw), Oklab × 10,000. L is positive where valid; L, a and b are 0 where
            pan or mul is invalid.
        native: whether mul is as an imager delivers it, so that it rings and is aliased where the
            target isn't. Otherwise pan and mul are means over finer pixels, as in Wald's protocol.
        sensor: the sensor, which has n bands and the ratio r.

    Raises:
        ChipError: if types, shapes or ranges differ from these.
    """

    pan: Tensor
    mul: Tensor
    target: Tensor
    native: bool = False
    sensor: Sensor = WORLDVIEW_2

    def __post_init__(self) -> None:
        expected = {
            "pan": (1, torch.uint16),
            "mul": (len(self.sensor.bands), torch.uint16),
            "target": (3, torch.int16),
        }
        for name, (channels, dtype) in expected.items():
            tensor = getattr(self, name)
            if tensor.ndim != 3 or tensor.shape[0] != channels or tensor.dtype != dtype:
                kind = str(dtype).removeprefix("torch.")
                raise ChipError(
                    f"expected {name} as {kind} ({channels}, height, width), "
                    f"found {str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
                )
        height, width = self.mul.shape[1:]
        sides = (self.sensor.ratio * height, self.sensor.ratio * width)
        if not height or not width or self.pan.shape[1:] != sides or self.target.shape[1:] != sides:
            raise ChipError(
                f"expected pan and target {self.sensor.ratio} times as large as mul, found pan "
                f"{tuple(self.pan.shape[1:])}, mul {tuple(self.mul.shape[1:])}, "
                f"target {tuple(self.target.shape[1:])}"
            )
        if int(self.target[0].min()) < 0:
            raise ChipError(
                f"expected L of 0 or more in the target, found {int(self.target[0].min()) / SCALE}"
            )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pan pixels."""
        return self.pan.shape[1], self.pan.shape[2]

    @property
    def valid(self) -> Tensor:
        """Where pan, mul and target are valid: bool (1, rh, rw)."""
        return self.target[:1] > 0

    def view(self) -> View:
        """Pan, mul and target beside each other, for notebooks."""
        height, width = self.size
        facts = {
            "sensor": self.sensor.title,
            "size": f"{width} × {height} pixels of pan",
            "valid": f"{float(self.valid.float().mean()):.1%}",
        }
        return View("Chip", facts, encode_png(self.draw().to(torch.uint8).numpy()))

    def draw(self) -> Tensor:
        """Pan, mul and target beside each other, as `core.draw.draw_triple` draws them."""
        valid = self.pan.int() > 0, (self.mul.int() > 0).any(0, keepdim=True), self.valid
        return draw_triple(self.tensors(), valid, self.sensor)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """float32 pan (1, rh, rw) and mul (n, h, w) as reflectance, and Oklab (3, rh, rw)."""
        return (
            counts_to_reflectance(self.pan),
            counts_to_reflectance(self.mul),
            decode_oklab(self.target),
        )


def encode_oklab(oklab: Tensor, valid: Tensor) -> Tensor:
    """Round Oklab to the integers of a chip's target.

    Args:
        oklab: (3, h, w).
        valid: bool (h, w).

    Returns:
        int16 (3, h, w), in units of 1/10,000, which is off by 0.0075 JND at most; L at least 1
        where valid, L, a and b 0 elsewhere.
    """
    codes = (oklab * SCALE).round_().clamp_(-_MAXIMUM, _MAXIMUM)
    codes[0].clamp_(min=1)
    return torch.where(valid, codes, torch.zeros_like(codes)).to(torch.int16)


def decode_oklab(target: Tensor) -> Tensor:
    """float32 Oklab of a chip's target, int16 (…, 3, h, w)."""
    return target.float() / SCALE


def chip_bytes(chip: Chip) -> bytes:
    """The content of a chip's file: a dict of its tensors, as `torch.save` writes it."""
    content: dict[str, Tensor | str]
    content = {name: getattr(chip, name).detach().cpu().contiguous().clone() for name in _TENSORS}
    if chip.native:
        content["native"] = torch.tensor(True)
    # WorldView-2 needs no name, nor does WorldView-3, which has its bands and colours.
    if _character(chip.sensor) != _character(WORLDVIEW_2):
        content["sensor"] = chip.sensor.name
    # In memory, since torch writes the name of a file into the file.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _character(sensor: Sensor) -> tuple[object, ...]:
    """The facts of a sensor on which a chip depends."""
    return sensor.bands, sensor.bands_to_xyz, sensor.ratio


def digest(data: bytes) -> str:
    """The first 16 hex digits of the SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def save_chip(chip: Chip, path: PathLike) -> None:
    """Write a chip, whole or not at all; an existing file is replaced.

    Raises:
        OutputError: if it can't be written.
    """
    write_whole(Path(path), chip_bytes(chip))


def load_chip(path: PathLike) -> Chip:
    """Read a chip. Nothing in the file can run code.

    Raises:
        ChipError: if the file is missing or isn't a chip.

    Example:
        >>> chip = load_chip("chips/italy23/0.pt")  # doctest: +SKIP
        >>> pan, mul, oklab = chip.tensors()  # doctest: +SKIP
    """
    try:
        found = load_tensors(path, MOST_BYTES)
        if not isinstance(found, dict) or set(found) - {"native", "sensor"} != set(_TENSORS):
            raise ValueError("other things than pan, mul and target")
        name = found.pop("sensor", WORLDVIEW_2.name)
        sensor = find_sensor(name) if isinstance(name, str) else None
        if sensor is None:
            raise ValueError(f"a sensor that Potato doesn't know: {name!r:.40}")
        if not all(isinstance(tensor, Tensor) for tensor in found.values()):
            raise ValueError("something that isn't a tensor")
        native = found.pop("native", torch.tensor(False))
        if native.shape != () or native.dtype != torch.bool:
            raise ValueError("a `native` flag that isn't a bool")
        return Chip(**found, native=bool(native), sensor=sensor)
    except FileNotFoundError as error:
        raise ChipError(f"{path}: expected a chip, found no such file") from error
    except ChipError as error:
        raise ChipError(f"{path}: {error}") from error
    except (InputError, OSError, RuntimeError, ValueError, TypeError) as error:
        reason = one_line(error, 200)
        raise ChipError(f"{path}: expected a chip (a .pt file of three tensors), found {reason}") from error
