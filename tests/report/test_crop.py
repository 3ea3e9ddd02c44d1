"""The window that a report shows in full detail."""

import math

import pytest

from potato.core.windows import PixelWindow
from potato.errors import InputError
from potato.raster.coordinates import Grid
from potato.report.crop import DETAIL_PIXELS, MOST_PIXELS, choose_window


@pytest.mark.parametrize(
    ("wanted", "step", "window"),
    [
        ((10, 20, 30, 40), 1, (10, 20, 30, 40)),
        ((10, 20, 30, 40), 4, (8, 20, 32, 40)),
        ((-5, -5, 20, 20), 4, (0, 0, 16, 16)),
        ((90, 190, 50, 50), 1, (90, 190, 12, 13)),
        ((90, 190, 50, 50), 4, (88, 188, 12, 12)),
        (None, 1, (0, 0, 102, 203)),
        (None, 4, (0, 0, 100, 200)),
    ],
)
def test_a_window_is_clipped_to_the_picture_and_grown_to_whole_cells(wanted, step, window):
    assert choose_window(Grid(102, 203, None, None), wanted, step=step) == PixelWindow(*window)


@pytest.mark.parametrize(
    "wanted", [(102, 0, 5, 5), (0, 203, 5, 5), (-9, 0, 9, 9), (0, 0, 0, 5), (0, 0, 5, -5)]
)
def test_a_window_outside_the_picture_is_refused(wanted):
    with pytest.raises(InputError, match="102 rows and 203 columns"):
        choose_window(Grid(102, 203, None, None), wanted)


@pytest.mark.parametrize("grid", [(20_000, 20_000), (500, 1_000_000), (1_000_000, 500), (4096, 4096)])
@pytest.mark.parametrize("layers", [1, 3.3])
def test_the_default_window_of_a_large_picture_is_central_and_has_the_allowed_size(grid, layers):
    window = choose_window(Grid(*grid, None, None), layers=layers, step=4)
    pixels = window.height * window.width * layers
    assert 0.9 * DETAIL_PIXELS < pixels < 1.1 * DETAIL_PIXELS
    assert abs(2 * window.row + window.height - grid[0]) <= 8
    assert abs(2 * window.column + window.width - grid[1]) <= 8


def test_a_window_over_the_maximum_is_refused():
    side = math.isqrt(MOST_PIXELS)
    grid = Grid(2 * side, 2 * side, None, None)
    choose_window(grid, (0, 0, side, side))
    with pytest.raises(InputError, match=f"at most {side} × {side}"):
        choose_window(grid, (0, 0, side, side + 1))
