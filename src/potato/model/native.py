"""Sharpening on the CPU, in native code: one call for a block, without the interpreter lock.

The C code in the folder `native` computes what `model.network` and `core.render` define, and tests
compare the two. Its convolutions are Winograd's, which take a fifth of the products; the rest
are a few passes over rows that stay in the caches of a core.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.color import (
    LMS_TO_OKLAB,
    LUMINANCE,
    SRGB_TO_XYZ,
    XYZ_TO_LMS,
    bands_to_lms,
    xyz_to_bands,
)
from potato.core.grade import PLAIN, Triple
from potato.core.mtf import enlarged_taps, gaussian_taps
from potato.core.render import Look, dither_phases
from potato.core.resample import BICUBIC_REACH, bicubic_phases
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import MOST_BANDS, MOST_RATIO, SCALE, Sensor
from potato.core.types import Codes
from potato.model import _native, facts
from potato.model.model import BAND_HALOS, Model, halos
from potato.raster.pair import PairPixels

Tone = tuple[int, float, float, float, Triple, Triple]
"""A look: bits, exposure (0 without a tone curve), contrast, saturation; black and gain."""

RenderArguments = tuple[Tone, NDArray[np.float32] | None, NDArray[np.float32] | None]
"""A look, and the phases of its dither, of each row and of each column; None where it rounds."""

UNRENDERED: RenderArguments = (0, 0.0, 1.0, 1.0, PLAIN.black, PLAIN.gain), None, None
"""No bits: the result is Oklab itself."""

Call = Callable[[NDArray[Any] | None, NDArray[np.float32] | None], int]
"""A call of native code, to which output and workspace are to be given."""

BEST = next(iter(_native.SETS))
"""The best instruction set of this processor."""

CACHE_LINE = 64
"""Bytes of a cache line, and of the largest vector."""

TRANSFORM = np.array(
    [
        [1, 0, 0],
        [-2 / 9, -2 / 9, -2 / 9],
        [-2 / 9, 2 / 9, -2 / 9],
        [1 / 90, 1 / 45, 2 / 45],
        [1 / 90, -1 / 45, 2 / 45],
        [32 / 45, 16 / 45, 8 / 45],
        [32 / 45, -16 / 45, 8 / 45],
        [0, 0, 1],
    ]
)
"""G, by which a kernel of 3 × 3 becomes one of 8 × 8 for Winograd's F(6 × 6, 3 × 3).

Source: A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2016.
"""


class NativeBackend:
    """Sharpens blocks with native code; may be called from many threads at once.

    Attributes:
        read_halo: cells to read around a block.
        bands_halo: cells to read around a block whose bands are wanted.
        block: the side of a block, in pan pixels, that the caches of a core hold best.
        most_calls: None, since each core gains by a call.
        instruction_set: the one of `_native.SETS` that is used.
    """

    block = 512
    most_calls: int | None = None

    def __init__(self, model: Model, sensor: Sensor = WORKSHOP, instruction_set: str | None = None) -> None:
        """Prepare a model for a sensor and an instruction set; None for the processor's best."""
        self.read_halo = halos(model.architecture, sensor).read
        self.bands_halo = max(self.read_halo, BAND_HALOS.read)
        self.instruction_set = instruction_set or BEST
        lanes = _native.SETS[self.instruction_set]
        self._facts, self._band_facts, self._ratio = _facts(sensor), _band_facts(sensor), sensor.ratio
        self._kernels = tuple(
            _transformed(model.tensors[name], lanes, first=not number)
            for number, name in enumerate(model.architecture.layers)
        )
        # A workspace for each call at work, kept for the next: new memory costs as much as a stage.
        self._workspaces: list[NDArray[np.float32]] = []

    def __str__(self) -> str:
        return f"cpu, native code ({self.instruction_set})"

    def fuse(self, pixels: PairPixels, look: Look, row: int = 0, column: int = 0) -> Codes | None:
        """Sharpen and render the pixels of a window: `backend.Backend.fuse`."""
        size = self._size(pixels, self.read_halo)
        codes, valid = self._run(pixels, _render_arguments(look, *size, row, column), f"uint{look.bits}")
        return codes if valid else None

    def oklab(self, pixels: PairPixels) -> NDArray[np.float32]:
        """Oklab (3, rh, rw) of a window that includes `read_halo`; 0 where a pixel is invalid."""
        oklab, valid = self._run(pixels, UNRENDERED, "float32")
        return oklab[:3] if valid else np.zeros_like(oklab[:3])

    def fuse_bands(self, pixels: PairPixels, bands: Sequence[int]) -> NDArray[np.uint16] | None:
        """Sharpen bands of a window that includes `bands_halo`: `backend.Backend.fuse_bands`."""
        oklab: NDArray[Any] | None = None
        halo = self.bands_halo
        if self._kernels:
            less = halo - self.read_halo
            height, width = pixels.mul_valid.shape
            inner = pixels.crop(less, less, height - 2 * less, width - 2 * less)
            oklab, valid = self._run(inner, UNRENDERED, "float32")
            if not valid:
                return None
        chosen = np.array(bands, np.int32)
        pan_valid, mul_valid = _masks(pixels)

        def call(out: NDArray[Any] | None, workspace: NDArray[np.float32] | None) -> int:
            return _native.sharpen_bands(
                self.instruction_set,
                self._facts,
                self._band_facts,
                self._ratio,
                halo,
                pixels.pan,
                pixels.mul,
                pan_valid,
                mul_valid,
                chosen,
                oklab,
                out,
                workspace,
            )

        out = np.empty((len(chosen), *self._size(pixels, halo)), np.uint16)
        return out if self._call(call, out) else None

    def _size(self, pixels: PairPixels, halo: int) -> tuple[int, int]:
        """Rows and columns of the result inside a halo."""
        height, width = (self._ratio * (side - 2 * halo) for side in pixels.mul_valid.shape)
        return height, width

    def _run(self, pixels: PairPixels, rendering: RenderArguments, dtype: str) -> tuple[NDArray[Any], int]:
        """Four channels (4, rh, rw), and the number of valid pixels."""
        pan_valid, mul_valid = _masks(pixels)

        def call(out: NDArray[Any] | None, workspace: NDArray[np.float32] | None) -> int:
            return _native.sharpen(
                self.instruction_set,
                self._facts,
                self._kernels,
                self._ratio,
                self.read_halo,
                pixels.pan,
                pixels.mul,
                pan_valid,
                mul_valid,
                *rendering,
                out,
                workspace,
            )

        out = np.empty((4, *self._size(pixels, self.read_halo)), dtype)
        return out, self._call(call, out)

    def _call(self, call: Call, out: NDArray[Any]) -> int:
        """Run a call, which tells what workspace it needs if it gets no output, in a kept one."""
        floats = call(None, None)
        try:  # asking first whether there is one would leave another thread time to take it
            workspace = self._workspaces.pop()
        except IndexError:
            workspace = _aligned(floats)
        if len(workspace) < floats:
            workspace = _aligned(floats)
        valid = call(out, workspace)
        self._workspaces.append(workspace)
        return valid


def _masks(pixels: PairPixels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | tuple[None, None]:
    """Masks of pan and mul; None for both if all is valid."""
    if pixels.pan_valid.all() and pixels.mul_valid.all():
        return None, None
    return pixels.pan_valid, pixels.mul_valid


def render_colour(
    mul: NDArray[np.uint16],
    valid: NDArray[np.bool_],
    sensor: Sensor,
    look: Look,
    row: int = 0,
    column: int = 0,
) -> Codes:
    """Render the colour of mul at its own scale.

    Args:
        mul: counts (n, h, w).
        valid: which pixels are valid, (h, w).
        sensor: the sensor, which has n bands.
        look: the rendering.
        row: row of the picture at which the result begins; sets the phase of the dither.
        column: column of the picture at which the result begins; sets the phase likewise.

    Returns:
        RGBA codes (4, h, w), 0 where invalid.
    """
    height, width = valid.shape
    rendering = _render_arguments(look, height, width, row, column)
    out = np.empty((4, height, width), f"uint{look.bits}")
    images = None, mul, None, valid

    def call(out: NDArray[Any] | None, workspace: NDArray[np.float32] | None) -> int:
        return _native.sharpen(BEST, _facts(sensor), (), 1, 0, *images, *rendering, out, workspace)

    call(out, np.empty(call(None, None), np.float32))
    return out


def _render_arguments(look: Look, height: int, width: int, row: int, column: int) -> RenderArguments:
    """A look as native code takes it, for a block at a row and column of the picture."""
    grade = look.grade
    tone = look.bits, look.exposure or 0.0, look.contrast, look.saturation, grade.black, grade.gain
    if not look.dithers:
        return tone, None, None
    return tone, *dither_phases(height, width, row, column)


def _transformed(kernel: NDArray[np.float32], lanes: int, *, first: bool) -> NDArray[np.float32]:
    """A kernel (n, m, 3, 3) as native code takes it, (64, m, n), with n made up to whole vectors.

    The inputs of all layers but the first are outputs of the layer before, so m is made up, too.
    """
    outputs, inputs = kernel.shape[:2]
    whole_outputs, whole_inputs = (-(-count // lanes) * lanes for count in (outputs, inputs))
    shape = 64, inputs if first else whole_inputs, whole_outputs
    result = _aligned(math.prod(shape)).reshape(shape)
    result[:] = 0
    full = np.einsum("yi,nmij,xj->yxmn", TRANSFORM, kernel.astype(np.float64), TRANSFORM)
    result[:, :inputs, :outputs] = full.reshape(64, inputs, outputs)
    return result


def _aligned(count: int) -> NDArray[np.float32]:
    """So many floats that begin a cache line, so that no vector lies in two of them."""
    room = np.empty(count + CACHE_LINE // 4, np.float32)
    start = -room.ctypes.data % CACHE_LINE // 4
    return room[start : start + count]


@functools.cache
def _facts(sensor: Sensor) -> NDArray[np.float32]:
    """The struct `Facts` of `block.h`."""
    xyz_to_lms, lms_to_oklab = np.array(XYZ_TO_LMS), np.array(LMS_TO_OKLAB)
    mixing = np.zeros((3, MOST_BANDS))
    mixing[:, : len(sensor.bands)] = bands_to_lms(sensor)
    phases = np.zeros((MOST_RATIO, 2 * BICUBIC_REACH + 1))
    phases[: sensor.ratio] = bicubic_phases(sensor.ratio)
    numbers = (
        1 / SCALE,
        facts.ratio_limit(sensor.ratio) ** (1 / 3),
        facts.UNDERSHOOT_LIMIT,
        facts.LEAST_MEAN,
        facts.LEAST_ROOT,
        facts.RIDGE,
        facts.GAIN_LIMIT if sensor.pan_sees_infrared else 0,
        facts.SOFT_PAN,
        facts.SHARP_PAN,
        facts.SHARPNESS_LIMIT,
        facts.LEAST_SLOPE,
        facts.INPUT_SCALE,
    )
    tables = (
        mixing,
        lms_to_oklab,
        np.linalg.inv(lms_to_oklab),
        np.linalg.inv(xyz_to_lms @ np.array(SRGB_TO_XYZ)),
        np.array(LUMINANCE),
        phases,
    )
    return np.concatenate([numbers, *(table.ravel() for table in tables)]).astype(np.float32)


@functools.cache
def _band_facts(sensor: Sensor) -> NDArray[np.float32]:
    """The struct `BandFacts` of `block.h`."""
    taps = np.zeros((2 * facts.SOFT_REACH + 1) * MOST_RATIO)
    soft = gaussian_taps(facts.SOFT_GAIN, facts.SOFT_REACH, sensor.ratio)
    taps[: len(soft)] = soft
    weights, to_xyz, to_bands = np.zeros(MOST_BANDS), np.zeros((3, MOST_BANDS)), np.zeros((MOST_BANDS, 3))
    count = len(sensor.bands)
    weights[:count] = sensor.pan_weights
    to_xyz[:, :count], to_bands[:count] = np.array(sensor.bands_to_xyz).T, xyz_to_bands(sensor)
    numbers = (
        facts.SOFTNESS_RIDGE,
        facts.SOFTNESS_START,
        facts.SOFTNESS_GAIN,
        facts.CELL_SHARE,
        facts.CHROMA_NOISE,
    )
    tables = (
        enlarged_taps(facts.SOFT_GAIN, facts.SOFT_REACH, sensor.ratio),
        taps,
        weights,
        np.linalg.inv(np.array(XYZ_TO_LMS)),
        to_xyz,
        to_bands,
    )
    return np.concatenate([numbers, *(table.ravel() for table in tables)]).astype(np.float32)
