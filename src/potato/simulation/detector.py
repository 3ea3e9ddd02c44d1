"""How an imager's own pixels see a ground, and how they are resampled onto the grid of the image.

An imager looks at an angle, so its pixels are larger than those of the grid, and lie anywhere
against it. They average, their MTF is boosted, and cubic convolution resamples them. Compared with
box means, some fine detail comes out stronger, and the finest is replaced by aliasing.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from potato.simulation.artefacts import boost_mtf, read_at
from potato.simulation.taps import Taps

MARGIN = 3
"""The imager's pixels beyond the grid on every side: cubic convolution reads two."""

DisplacementField = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From (rows, columns) in pixels of the grid to the displacement there, (down, right)."""


def sample(
    planes: Sequence[Tensor],
    blurs: Sequence[float],
    factor: int,
    displacement: DisplacementField | None,
    mtf_boost: tuple[float, float],
    pitch: float,
    phase: tuple[float, float],
) -> Tensor:
    """Sample a ground at the imager's own pixels, boost their MTF, and resample them onto the grid.

    Args:
        planes: n planes of the ground (h · factor, w · factor).
        blurs: for each plane, the standard deviation of its point spread without the pixel's
            square, the imager's pixels.
        factor: fine pixels along a pixel of the grid.
        displacement: of the pixels' gaze; None for no displacement.
        mtf_boost: `amount` and `fine` of `artefacts.boost_mtf`.
        pitch: side of the imager's pixels in pixels of the grid; 1 if they are the grid's.
        phase: their position against the grid, (down, right), 0..1; ignored at `pitch` 1.

    Returns:
        (n, h, w).
    """
    own = pitch != 1
    phase = phase if own else (0.5, 0.5)
    margin = MARGIN if own else 0
    size = [side // factor for side in planes[0].shape]
    rows, columns = (
        (torch.arange(int(count / pitch) + 2 * margin) - margin + offset) * pitch
        for count, offset in zip(size, phase, strict=True)
    )
    if displacement is None:
        native = _see(planes, blurs, factor, pitch, rows * factor, columns * factor)
    else:
        # Points between fine pixels are interpolated from a point spread around each of these.
        start = 0.5 * (factor % 2)
        everywhere = (torch.arange(side + (factor % 2 == 0)) + start for side in planes[0].shape)
        seen = _see(planes, blurs, factor, pitch, *everywhere)
        rows, columns = _crossed(rows, columns)
        down, right = displacement(rows, columns)
        # Pixels that are displaced downwards are read from above.
        rows, columns = (rows - down) * factor, (columns - right) * factor
        native = read_at(seen, rows + 0.5 - start, columns + 0.5 - start, "bilinear")
    native = boost_mtf(native, *mtf_boost)
    if not own:
        return native
    taps = [
        Taps.cubic((torch.arange(count) + 0.5) / pitch + margin - offset + 0.5, side)
        for count, offset, side in zip(size, phase, native.shape[1:], strict=True)
    ]
    return torch.stack([_mixed(plane, *taps) for plane in native])


def _see(
    planes: Sequence[Tensor], blurs: Sequence[float], factor: int, pitch: float, rows: Tensor, columns: Tensor
) -> Tensor:
    """Planes (h, w) as pixels see them around places (m,) and (k,), fine pixels: (n, m, k)."""
    side, even = pitch * factor, factor % 2 == 0
    taps = {
        blur: [
            Taps.spread(places, size, side, blur * side, even)
            for places, size in zip((rows, columns), planes[0].shape, strict=True)
        ]
        for blur in set(blurs)
    }
    return torch.stack([_mixed(plane, *taps[blur]) for plane, blur in zip(planes, blurs, strict=True)])


def _mixed(plane: Tensor, down: Taps, right: Taps) -> Tensor:
    """A plane (h, w), resampled along both axes."""
    return right.mix_columns(down.mix_rows(plane))


def _crossed(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Every row with every column, (h, w) each."""
    down, right = torch.meshgrid(rows, columns, indexing="ij")
    return down, right
