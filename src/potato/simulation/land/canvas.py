"""A canvas on which land is drawn: its layers, and ways to draw on them."""

import random
from collections.abc import Iterator

import torch
from torch import Tensor

from potato.simulation.land.basis import PLANES
from potato.simulation.land.shapes import Plot, ShapePixels, Window, rectangle
from potato.simulation.land.spectra import Palette

METRE = 2.0
"""Pan pixels in a metre."""

_STRIP = 128
"""Rows of a strip; a multiple of `zoning.ZONE_SIDE`."""

_SMALL = 40_000
"""Pixels up to which all planes are drawn at once; one by one saves memory."""


class Canvas:
    """Layers of one scene while it is drawn, with the colours and random numbers to draw it with.

    Args:
        grain: noise of mean 0 and standard deviation 1 that wraps around (rows, columns).
        palette: colours of surfaces.
        rng: random numbers for places, sizes and choices.
        generator: random numbers for fields.

    Attributes:
        rows: of the scene, pixels.
        columns: of the scene, pixels.
        planes: reflectance of pan and the 8 bands (9, h, w).
        height: metres above the ground (h, w).
        sun_factor: sunlight on the surface over sunlight on flat ground (h, w).
        paved: where no plant grows, bool (h, w).
        solid: where nothing can be built, bool (h, w).
    """

    def __init__(
        self, grain: Tensor, palette: Palette, rng: random.Random, generator: torch.Generator
    ) -> None:
        self.rows, self.columns = rows, columns = grain.shape
        self.grain, self.palette, self.rng, self.generator = grain, palette, rng, generator
        self.planes = torch.zeros(PLANES, rows, columns)
        self.height = torch.zeros(rows, columns)
        self.sun_factor = torch.ones(rows, columns)
        self.paved = torch.zeros(rows, columns, dtype=torch.bool)
        self.solid = torch.zeros(rows, columns, dtype=torch.bool)

    def strips(self) -> Iterator[Window]:
        """Windows of whole rows that together cover the scene: work strip by strip saves memory."""
        for top in range(0, self.rows, _STRIP):
            yield Window(top, min(top + _STRIP, self.rows), 0, self.columns)

    def footprint(self, plot: Plot, margin: float = 0.0) -> ShapePixels | None:
        """The pixels that a plot covers, in a window `margin` larger; None outside the scene."""
        return rectangle(plot, self.rows, self.columns, margin)

    def mixture(self, *names: str, spread: float = 0.08) -> Tensor:
        """A random mixture of named surfaces: see `Palette.mixture`."""
        return self.palette.mixture(self.rng, *names, spread=spread)

    def rolled_grain(self, window: Window, down: int, right: int) -> Tensor:
        """The grain, rolled by so many pixels, over a window of whole rows."""
        rows = (torch.arange(window.top, window.bottom) - down) % self.rows
        return self.grain[rows].roll(right, 1)[:, window.left : window.right]

    def noise(self, window: Window) -> Tensor:
        """A random piece of the grain, as large as `window`."""
        shift = self.rng.randrange(1 << 16)
        rows, columns = window.shape
        top = (window.top + shift * 37) % max(1, self.rows - rows + 1)
        left = (window.left + shift * 101) % max(1, self.columns - columns + 1)
        return self.grain[top : top + rows, left : left + columns]

    def lay(
        self,
        window: Window,
        cover: Tensor,
        colour: Tensor,
        *,
        other: Tensor | None = None,
        mix: Tensor | None = None,
        tone: Tensor | None = None,
    ) -> None:
        """Lay a surface over the present one.

        Args:
            window: where.
            cover: share of each pixel that the surface covers, 0..1, over the window.
            colour: spectrum (9,).
            other: a second spectrum (9,), mixed in by `mix`.
            mix: share of `other`, over the window.
            tone: factor of the brightness, over the window.
        """
        rows, columns = window.slices
        small = cover.numel() <= _SMALL
        groups = [slice(0, PLANES)] if small else [slice(k, k + 1) for k in range(PLANES)]
        for group in groups:
            paint = colour[group, None, None]
            if other is not None and mix is not None:
                paint = paint + mix * (other - colour)[group, None, None]
            if tone is not None:
                paint = paint * tone
            self.planes[group, rows, columns].lerp_(paint, cover)

    def raise_to(self, window: Window, cover: Tensor, height: Tensor | float) -> None:
        """Make pixels that are covered by more than half solid and `height` metres high."""
        mass = cover > 0.5
        level = self.height[window.slices]
        torch.where(mass, torch.as_tensor(height, dtype=level.dtype), level, out=level)
        self.solid[window.slices] |= mass
        self.paved[window.slices] |= mass

    def tilt(self, window: Window, cover: Tensor, sun_factor: Tensor) -> None:
        """Give a surface the sunlight of its slope."""
        self.sun_factor[window.slices].lerp_(sun_factor, cover)

    def pave(self, window: Window, cover: Tensor, *, solid: bool = False) -> None:
        """Keep trees off a surface, and if it is `solid` buildings too."""
        taken = cover > 0.3
        self.paved[window.slices] |= taken
        if solid:
            self.solid[window.slices] |= taken

    def is_free(self, window: Window, cover: Tensor) -> bool:
        """Whether nothing solid stands where a shape would."""
        return not bool((self.solid[window.slices] & (cover > 0.5)).any())
