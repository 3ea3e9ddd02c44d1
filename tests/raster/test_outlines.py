import itertools

from potato.raster.coordinates import grid_at
from potato.raster.outlines import outline_of


def test_an_outline_is_closed_runs_anticlockwise_and_keeps_its_corners():
    grid = grid_at(300, 500, 2.0)
    corners, ring = outline_of(grid), outline_of(grid, pieces=4)
    assert (len(corners), len(ring)) == (5, 17)
    assert ring[0] == ring[-1]
    assert ring[::4] == corners
    area = sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in itertools.pairwise(ring)) / 2
    assert area > 0
