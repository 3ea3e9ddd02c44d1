import pytest
from hypothesis import given
from hypothesis import strategies as st

from potato.core.windows import PairWindow, PixelWindow, panels, split

side = st.integers(1, 60)


@given(side, side, st.integers(1, 70), st.integers(1, 70))
def test_panels_and_blocks_cover_every_cell_once(height, width, panel, block):
    seen = [
        (row, column)
        for region in panels(PairWindow(0, 0, height, width), panel)
        for windows in split(region, block)
        for window in windows
        for row in range(window.row, window.bottom)
        for column in range(window.column, window.right)
    ]
    assert len(seen) == len(set(seen)) == height * width


def test_a_window_in_pan_pixels_covers_its_cells():
    window = PairWindow(1, 2, 3, 4)
    assert window.pixels(3) == PixelWindow(3, 6, 9, 12)
    assert window.pixels(3).cells(3) == window


def test_a_window_is_printed_as_rows_and_columns_of_mul():
    assert str(PairWindow(1, 2, 3, 4)) == "mul rows 1–4, columns 2–6"


def test_padding_is_symmetric():
    assert PairWindow(5, 5, 2, 3).padded(2) == PairWindow(3, 3, 6, 7)


def test_negative_sides_and_empty_blocks_are_refused():
    with pytest.raises(ValueError, match="0 or more"):
        PairWindow(0, 0, -1, 4)
    with pytest.raises(ValueError, match="1 cell or more"):
        list(split(PairWindow(0, 0, 4, 4), 0))
