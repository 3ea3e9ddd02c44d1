"""The picture in the making: reflectance, height and slope, and how things are laid onto it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from potato.simulation.land.shapes import Window
from potato.simulation.land.spectra import PLANES

METRE = 2.0
"""Pan pixels in a metre."""

_BAND = 128
"""Rows of a band; cells of the map of zones must divide it."""

_SMALL = 40_000
"""Pixels up to which all planes are drawn at once; beyond it, one by one is gentler on memory."""


class Canvas:
    """Layers of one scene while it is built; every method but the queries draws on it.

    Args:
        rows: of the scene, pixels.
        columns: of the scene, pixels.
        grain: noise of mean 0 and deviation 1 that wraps around (rows, columns).

    Attributes:
        planes: reflectance (9, h, w), pan and the 8 bands.
        height: metres above the ground (h, w).
        slope: how much more sun than flat ground the surface takes (h, w).
        paved: where nothing grows, bool (h, w).
        solid: where nothing can be built either, bool (h, w).
        grain: the noise given.
    """

    def __init__(self, rows: int, columns: int, grain: Tensor) -> None:
        self.rows = rows
        self.columns = columns
        self.planes = torch.zeros(PLANES, rows, columns)
        self.height = torch.zeros(rows, columns)
        self.slope = torch.ones(rows, columns)
        self.paved = torch.zeros(rows, columns, dtype=torch.bool)
        self.solid = torch.zeros(rows, columns, dtype=torch.bool)
        self.grain = grain

    @property
    def whole(self) -> Window:
        """The window of everything."""
        return Window(0, self.rows, 0, self.columns)

    def bands(self) -> Iterator[Window]:
        """Windows of some hundred rows that make up the whole: working in them saves memory."""
        for top in range(0, self.rows, _BAND):
            yield Window(top, min(top + _BAND, self.rows), 0, self.columns)

    def turned(self, window: Window, down: int, right: int) -> Tensor:
        """The grain over a window, rolled by so many pixels."""
        rows = (torch.arange(window.top, window.bottom) - down) % self.rows
        return self.grain[rows].roll(right, 1)[:, window.left : window.right]

    def noise(self, window: Window, shift: int) -> Tensor:
        """A piece of the grain the size of `window`; another for every `shift`."""
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
        """Lay a surface over what is there.

        Args:
            window: where.
            cover: 0..1 over the window.
            colour: spectrum (9,).
            other: a second spectrum (9,), mixed in by `mix`.
            mix: share of `other`, over the window.
            tone: a factor for the brightness, over the window.
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
        """Let what covers more than half of a pixel stand `height` metres high, solid."""
        rows, columns = window.slices
        mass = cover > 0.5
        level = self.height[rows, columns]
        level.copy_(torch.where(mass, torch.as_tensor(height, dtype=level.dtype), level))
        self.solid[rows, columns] |= mass
        self.paved[rows, columns] |= mass

    def tilt(self, window: Window, cover: Tensor, slope: Tensor) -> None:
        """Give a surface its slope."""
        rows, columns = window.slices
        self.slope[rows, columns].lerp_(slope, cover)

    def pave(self, window: Window, cover: Tensor, *, solid: bool = False) -> None:
        """Keep trees off a surface, and buildings too if it is `solid`."""
        rows, columns = window.slices
        taken = cover > 0.3
        self.paved[rows, columns] |= taken
        if solid:
            self.solid[rows, columns] |= taken

    def is_free(self, window: Window, cover: Tensor) -> bool:
        """Whether nothing solid stands in the way of a shape."""
        rows, columns = window.slices
        return not bool((self.solid[rows, columns] & (cover > 0.5)).any())
