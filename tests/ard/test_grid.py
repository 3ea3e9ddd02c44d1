import pytest
from hypothesis import given
from hypothesis import strategies as st

from potato.ard.grid import OVERLAP, SQUARE_SIDE, TILE_SIDE, quadkey_square, square_quadkey


@given(st.integers(0, 4095), st.integers(0, 4095))
def test_quadkeys_and_grid_squares_are_inverse(column, row):
    west, north = 500_000 + (column - 2048) * SQUARE_SIDE, (2048 - row) * SQUARE_SIDE
    quadkey = square_quadkey(west, north)
    assert quadkey_square(quadkey) == (west, north - SQUARE_SIDE, west + SQUARE_SIDE, north)
    assert quadkey_square(quadkey, south=True)[3] == north + 10_000_000


def test_the_grid_is_that_of_the_public_catalogue():
    # Two items of the public index: zone 11, and zone 46, whose data box ends at 475,156.25.
    assert quadkey_square("031311102001") == (345000, 3795000, 350000, 3800000)
    assert quadkey_square("033111333030")[2] + OVERLAP == 475156.25
    assert pytest.approx(5312.5) == TILE_SIDE
