"""Drawing a vectorscope: the density of colours, and the graticule to read it by."""

import contextlib
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from potato.core.color import JND, fit_gamut, linear_srgb_to_oklab
from potato.core.installation import extra_for
from potato.core.render import render
from potato.engine.process_state import SharedChange
from potato.viewing.color_ops import screen_look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHROMA_JND = JND / 2
"""Oklab chroma of one JND: in colour differences a and b count twice (`core.color.delta_e_ok`)."""

DENSITY_SIDE = 800
"""Side of the density in pixels."""

FRAME = 100
"""Pixels around the density, for labels."""

FAINTEST, BRIGHTEST = -7.0, -2.0
"""Decimal logarithms of the share of pixels in a bin that is drawn darkest and brightest."""

RING_STEPS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Oklab chroma between rings; the first value that gives fewer than six rings is used."""

LABEL: dict[str, Any] = {"color": "0.75", "fontsize": 10}
"""Style of small text: light grey."""

SRGB_CORNERS = {
    "red": (1, 0, 0),
    "yellow": (1, 1, 0),
    "green": (0, 1, 0),
    "cyan": (0, 1, 1),
    "blue": (0, 0, 1),
    "magenta": (1, 0, 1),
}
"""Linear RGB of the primaries and secondaries of sRGB, around the circle of hues."""

FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"format": "png"},
    ".tif": {"format": "tiff", "pil_kwargs": {"compression": "tiff_deflate"}},
    ".tiff": {"format": "tiff", "pil_kwargs": {"compression": "tiff_deflate"}},
}
"""Arguments of matplotlib's `savefig` by suffix of the file."""


def check_matplotlib(drawing: str) -> None:
    """Refuse to go on without matplotlib, which the named drawing needs.

    Raises:
        ExtraError: if it isn't installed.
    """
    with extra_for(drawing):
        import matplotlib  # noqa: F401  (only checks that it is there)


def _default_style() -> contextlib.AbstractContextManager[None]:
    import matplotlib.style

    # A dollar in the name of a file begins no formula.
    return matplotlib.style.context(["default", {"text.parse_math": False}])


PLAIN = SharedChange(_default_style)
"""Matplotlib's own style: that of the user must not change a drawing."""


def draw_scope(
    counts: NDArray[np.int64],
    pixels: int,
    mean: tuple[float, float],
    max_chroma: float,
    facts: str,
    suffix: str,
) -> bytes:
    """Draw a histogram of a and b with its graticule.

    Args:
        counts: square; rows are b, columns are a, both rising.
        pixels: number of pixels in the picture, also of those outside the histogram.
        mean: a and b of the cross.
        max_chroma: Oklab a and b at the rim.
        facts: the line below the drawing.
        suffix: suffix of the file, one of `FORMATS`.

    Returns:
        The content of the file.
    """
    from matplotlib.figure import Figure

    side = DENSITY_SIDE + 2 * FRAME
    share, start = DENSITY_SIDE / side, FRAME / side
    file = io.BytesIO()
    with PLAIN.held():
        figure = Figure(figsize=(side / 100, side / 100), dpi=100, facecolor="black")
        axes = figure.add_axes((start, start, share, share), frameon=False)
        axes.imshow(
            draw_density(counts, pixels, max_chroma),
            extent=(-max_chroma, max_chroma, -max_chroma, max_chroma),
            origin="lower",
            interpolation="nearest",
        )
        axes.set(xlim=(-max_chroma, max_chroma), ylim=(-max_chroma, max_chroma), xticks=(), yticks=())
        _draw_rings(axes, max_chroma)
        _draw_gamut(axes, max_chroma)
        for colour, width in (("black", 4.0), ("white", 1.5)):
            axes.plot(*mean, "+", color=colour, markersize=14, markeredgewidth=width)
        figure.text(0.5, 0.025, facts, ha="center", **LABEL)
        figure.savefig(file, dpi=100, **FORMATS[suffix])
    return file.getvalue()


def draw_density(counts: NDArray[np.int64], pixels: int, max_chroma: float) -> NDArray[np.uint8]:
    """Draw a histogram of a and b, (bins, bins, 3) RGB: lightness is the share on a log scale."""
    decades = np.log10(np.maximum(counts, 1e-9) / pixels)
    level = ((decades - FAINTEST) / (BRIGHTEST - FAINTEST)).clip(0, 1)
    # A bin with a single pixel is visible.
    lightness = np.where(counts > 0, 0.25 + 0.6 * level, 0)
    middles = (np.arange(len(counts)) + 0.5) / len(counts) * 2 * max_chroma - max_chroma
    b, a = np.meshgrid(middles, middles, indexing="ij")
    codes = render(fit_gamut(np.stack([lightness, a, b])), screen_look(8))
    return codes.transpose(1, 2, 0).astype(np.uint8)


def _draw_rings(axes: "Axes", max_chroma: float) -> None:
    """Draw the axes, and rings of chroma labelled in JND."""
    step = next(step for step in RING_STEPS if max_chroma / step < 6)
    rings = [n * step for n in range(1, round(max_chroma / step) + 1) if n * step <= max_chroma]
    turn = np.linspace(0, 2 * np.pi, 361)
    for radius in {*rings, max_chroma}:
        axes.plot(radius * np.cos(turn), radius * np.sin(turn), color="0.4", linewidth=0.8, clip_on=False)
    for radius in rings:
        axes.text(
            radius * math.sqrt(0.5),
            -radius * math.sqrt(0.5),
            f"{radius:.3g} = {radius / CHROMA_JND:.3g} JND",
            color="0.75",
            fontsize=9,
            ha="center",
            va="center",
            rotation=45,
            bbox={"facecolor": "black", "edgecolor": "none", "pad": 1},
        )
    axes.axhline(0, color="0.4", linewidth=0.8)
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.text(0.97 * max_chroma, 0.01 * max_chroma, "a", **LABEL)
    axes.text(0.01 * max_chroma, 0.96 * max_chroma, "b", **LABEL)


def _draw_gamut(axes: "Axes", max_chroma: float) -> None:
    """Draw the limit of sRGB, its corners, and their names at their hues outside the rim."""
    _, limit_a, limit_b = _gamut_limit()
    axes.plot(limit_a, limit_b, color="0.6", linewidth=0.8, linestyle=(0, (4, 3)))
    for name, corner in SRGB_CORNERS.items():
        _, a, b = linear_srgb_to_oklab(np.array(corner, float)[:, None, None]).ravel().tolist()
        chroma = math.hypot(a, b)
        x, y = max_chroma * a / chroma, max_chroma * b / chroma
        colour = [min(1.0, 0.35 + 0.65 * level) for level in corner]
        clip = chroma > 1.1 * max_chroma
        axes.plot(a, b, "s", color=colour, fillstyle="none", markersize=9, clip_on=clip)
        axes.plot([x, 1.03 * x], [y, 1.03 * y], color=colour, linewidth=2, clip_on=False)
        axes.text(1.13 * x, 1.13 * y, name, color=colour, fontsize=12, ha="center", va="center")


def _gamut_limit() -> NDArray[np.float64]:
    """Oklab (3, n) of the largest chroma of each hue, along the edges of the sRGB cube."""
    corners = np.array([*SRGB_CORNERS.values(), SRGB_CORNERS["red"]], np.float64)
    steps = np.linspace(0, len(SRGB_CORNERS), 64 * len(SRGB_CORNERS) + 1)
    path = np.stack([np.interp(steps, range(len(corners)), channel) for channel in corners.T])
    return linear_srgb_to_oklab(path[:, None])[:, 0]
