"""Drawing a vectorscope: the density, and what to read it by."""

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from potato.core.color import JND, fit_gamut, linear_srgb_to_oklab
from potato.core.render import Look, render
from potato.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHROMA_JND = JND / 2
"""A difference of chroma of one JND: a and b count twice (`color.delta_e_ok`)."""

SIDE = 800
"""Pixels along a side of the density."""

MARGIN = 100
"""Pixels around it, for labels."""

FAINTEST, BRIGHTEST = -7.0, -2.0
"""Powers of ten of the share of pixels in a bin that are drawn as darkest and as brightest."""

STEPS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Chroma between rings: the first of these that needs few of them."""

CORNERS = {
    "red": (1, 0, 0),
    "yellow": (1, 1, 0),
    "green": (0, 1, 0),
    "cyan": (0, 1, 1),
    "blue": (0, 0, 1),
    "magenta": (1, 0, 1),
}
"""Primaries and secondaries of sRGB, around the circle."""

FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"format": "png"},
    ".tif": {"format": "tiff", "pil_kwargs": {"compression": "tiff_deflate"}},
    ".tiff": {"format": "tiff", "pil_kwargs": {"compression": "tiff_deflate"}},
}
"""How to write a file of each ending."""


def check_matplotlib(what: str) -> None:
    """Refuse to begin where matplotlib, which draws `what`, isn't installed.

    Raises:
        InputError: if so.
    """
    try:
        import matplotlib  # noqa: F401  (only asked whether it is there)
    except ImportError as error:
        raise InputError(
            f"expected matplotlib, which draws {what}, found it missing; pip install 'potato[plots]'"
        ) from error


def draw_scope(
    counts: NDArray[np.int64], pixels: int, mean: tuple[float, float], reach: float, facts: str, ending: str
) -> bytes:
    """A drawing of a histogram of chroma with its graticule.

    Args:
        counts: square; rows are b, columns are a, both rising.
        pixels: how many there are in the picture, counted or not.
        mean: a and b of the cross.
        reach: a and b at the rim.
        facts: what to write below.
        ending: of the file, one of `FORMATS`.

    Returns:
        The content of the file.
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    side = SIDE + 2 * MARGIN
    share, start = SIDE / side, MARGIN / side
    file = io.BytesIO()
    # Whatever the user likes plots to look like elsewhere.
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(side / 100, side / 100), dpi=100, facecolor="black")
        axes = figure.add_axes((start, start, share, share), frameon=False)
        axes.imshow(
            draw_density(counts, pixels, reach),
            extent=(-reach, reach, -reach, reach),
            origin="lower",
            interpolation="nearest",
        )
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=(), yticks=())
        _draw_graticule(axes, reach)
        for colour, width in (("black", 4.0), ("white", 1.5)):
            axes.plot(*mean, "+", color=colour, markersize=14, markeredgewidth=width)
        figure.text(0.5, 0.025, facts, color="0.75", ha="center", fontsize=10)
        figure.savefig(file, dpi=100, **FORMATS[ending])
    return file.getvalue()


def draw_density(counts: NDArray[np.int64], pixels: int, reach: float) -> NDArray[np.uint8]:
    """A histogram as RGB (bins, bins, 3): the logarithm of its shares, in the colour of each place."""
    decades = np.log10(np.maximum(counts, 1e-9) / pixels)
    level = ((decades - FAINTEST) / (BRIGHTEST - FAINTEST)).clip(0, 1)
    # What is there at all is seen.
    lightness = np.where(counts > 0, 0.25 + 0.6 * level, 0)
    middles = (np.arange(len(counts)) + 0.5) / len(counts) * 2 * reach - reach
    b, a = np.meshgrid(middles, middles, indexing="ij")
    oklab = fit_gamut(torch.from_numpy(np.stack([lightness, a, b])))
    return render(oklab, Look("screen", 8)).permute(1, 2, 0).numpy().astype(np.uint8)


def _draw_graticule(axes: "Axes", reach: float) -> None:
    """Rings of chroma in JND, axes, the edge of sRGB, and the names of its corners at their hues."""
    step = next(step for step in STEPS if reach / step < 6)
    rings = [n * step for n in range(1, round(reach / step) + 1) if n * step <= reach]
    turn = np.linspace(0, 2 * np.pi, 361)
    for radius in {*rings, reach}:
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
    axes.text(0.97 * reach, 0.01 * reach, "a", color="0.75", fontsize=10)
    axes.text(0.01 * reach, 0.96 * reach, "b", color="0.75", fontsize=10)
    edge = _edge()
    axes.plot(edge[1], edge[2], color="0.6", linewidth=0.8, linestyle=(0, (4, 3)))
    for name, corner in CORNERS.items():
        colour = torch.tensor(corner, dtype=torch.float64)
        _, a, b = linear_srgb_to_oklab(colour[:, None, None]).flatten().tolist()
        hue = math.atan2(b, a)
        shown = [min(1.0, 0.35 + 0.65 * level) for level in corner]
        axes.plot(
            a, b, "s", color=shown, fillstyle="none", markersize=9, clip_on=math.hypot(a, b) > 1.1 * reach
        )
        axes.plot(
            [reach * math.cos(hue), 1.03 * reach * math.cos(hue)],
            [reach * math.sin(hue), 1.03 * reach * math.sin(hue)],
            color=shown,
            linewidth=2,
            clip_on=False,
        )
        axes.text(
            1.13 * reach * math.cos(hue),
            1.13 * reach * math.sin(hue),
            name,
            color=shown,
            fontsize=12,
            ha="center",
            va="center",
        )


def _edge() -> NDArray[np.float64]:
    """Oklab (3, n) of the edges of the sRGB cube from corner to corner: the most chroma of every hue."""
    corners = np.array([*CORNERS.values(), CORNERS["red"]], np.float64)
    steps = np.linspace(0, len(CORNERS), 64 * len(CORNERS) + 1)
    path = np.stack([np.interp(steps, range(len(corners)), channel) for channel in corners.T])
    return linear_srgb_to_oklab(torch.from_numpy(path)[:, None])[:, 0].numpy()
