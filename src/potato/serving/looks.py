"""The second step of a web tile: look, exposure and contrast, and the file that is sent.

For a look with a tone curve, exposure and contrast change that curve, as `--exposure` and
`--contrast` of `fuse` do. For `flat` and for finished pictures they act on light L, which becomes
m · (L · 2^exposure / m)^contrast, where m = 0.18 is mid grey. Nothing depends on the content.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from potato.core.color import srgb_decode, srgb_encode
from potato.core.draw import PRIMARIES
from potato.core.grade import PLAIN
from potato.core.render import FLAT, LOOKS, Look, adjust
from potato.core.sensors import SCALE
from potato.core.types import Codes
from potato.model.native import render_colour
from potato.raster.encoding import encode_jpeg, encode_png, encode_webp

MID_GREY = 0.18
"""Reflectance of a grey card, which a change of contrast leaves as it is."""

MEDIA_TYPES = {"png": "image/png", "webp": "image/webp", "jpg": "image/jpeg"}
"""Formats of web tiles by the ending of their names."""


@dataclass(frozen=True)
class Rendering:
    """How codes of the look `flat` become those of a web tile.

    Attributes:
        look: name of a look.
        exposure: stops.
        contrast: factor.
    """

    look: str = "natural"
    exposure: float = 0.0
    contrast: float = 1.0

    def adjusted(self) -> Look:
        """The look with exposure and contrast; `flat` has no curve that they could change."""
        look = LOOKS[self.look]
        if look.exposure is None:
            return look
        return adjust(look, look.exposure * 2.0**self.exposure, look.contrast * self.contrast)


def show(codes: Codes, rendering: Rendering, view: str, row: int = 0, column: int = 0) -> NDArray[np.uint8]:
    """Codes for a screen.

    Args:
        codes: RGBA (4, h, w), of the look `flat` in uint16, or finished ones in uint8.
        rendering: look, exposure, contrast.
        view: of `painter.VIEWS`: pan has no hue, and the grey of other bands is unknown.
        row: row in the whole map; sets the phase of the dither.
        column: column in the whole map; sets the phase likewise.
    """
    valid = codes[3] > 0
    look = rendering.adjusted()
    if codes.dtype == np.uint8 or look.exposure is None:
        bits = 8 * codes.dtype.itemsize
        shown: NDArray[np.uint8] = _tone_table(bits, rendering.exposure, rendering.contrast)[codes]
        shown[3] = np.where(valid, 255, 0)
        shown[:3, ~valid] = 0
        return shown
    if view in ("pan", "composite"):
        look = look.graded(look.grade.grey if view == "pan" else PLAIN)
    rendered = render_colour(_light_table()[codes[:3]], valid, PRIMARIES, look, row, column)
    return rendered.astype(np.uint8, copy=False)


@functools.lru_cache(maxsize=8)
def _tone_table(bits: int, exposure: float, contrast: float) -> NDArray[np.uint8]:
    """Codes of 8 bits for all codes of sRGB signal, with exposure and contrast."""
    white = (1 << bits) - 1
    codes = np.arange(white + 1) / white
    if (exposure, contrast) != (0, 1):
        light = MID_GREY * (srgb_decode(codes) * 2.0**exposure / MID_GREY) ** contrast
        codes = srgb_encode(np.clip(light, 0, 1))
    table: NDArray[np.uint8] = np.rint(codes * 255).astype(np.uint8)
    return table


@functools.cache
def _light_table() -> NDArray[np.uint16]:
    """Counts of reflectance for all codes of `flat`."""
    light = srgb_decode(np.arange(FLAT.white + 1) / FLAT.white)
    table: NDArray[np.uint16] = np.rint(light * SCALE).astype(np.uint16)
    return table


def encode(codes: NDArray[np.uint8], kind: str) -> bytes:
    """Encode RGBA (4, h, w) as a file of a kind of `MEDIA_TYPES`; JPEG has white for alpha."""
    valid = codes[3] > 0
    if not valid.any() and kind != "jpg":
        return _nothing(kind, *valid.shape)
    if kind == "jpg":
        return encode_jpeg(np.where(valid, codes[:3], 255).astype(np.uint8))
    opaque = codes[:3] if valid.all() else codes
    return encode_png(opaque) if kind == "png" else encode_webp(opaque)


@functools.cache
def _nothing(kind: str, height: int, width: int) -> bytes:
    codes = np.zeros((4, height, width), np.uint8)
    return encode_png(codes) if kind == "png" else encode_webp(codes)
