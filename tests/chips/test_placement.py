from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ards import SMALL, rows
from potato.ard.walk import walk_ard
from potato.chips.make import make_chips
from potato.chips.placement import GOLDEN, R2, Lattice, Placement
from potato.chips.survey import grid_square_window
from potato.core.windows import PairWindow


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_after_any_number_of_chips_each_tile_has_its_share(areas):
    placement = Placement(areas)
    counts = np.zeros(len(areas))
    due = np.array(areas) / sum(areas)
    for place in placement.places(0, 400):
        assert place.rank == counts[place.tile]
        counts[place.tile] += 1
        assert np.abs(counts - due * (place.n + 1)).max() < 3


@pytest.mark.parametrize("start", [0, 1, 65_535, 65_536, 140_000])
def test_places_do_not_depend_on_the_first_number(start):
    placement = Placement([5, 1, 3])
    everything = list(placement.places(0, 140_010))
    assert list(placement.places(start, 10)) == everything[start : start + 10]
    assert [place.n for place in everything] == list(range(140_010))


def test_constants_satisfy_their_defining_equations():
    golden = Fraction(GOLDEN, 1 << 64)
    assert abs(golden * (golden + 1) - 1) < Fraction(1, 1 << 60)
    first, second = (Fraction(number, 1 << 64) for number in R2)
    # g³ = g + 1 with first = 1/g and second = 1/g².
    assert abs(first**3 + first**2 - 1) < Fraction(1, 1 << 60)
    assert abs(second - first**2) < Fraction(1, 1 << 60)


def lattice(name="tile", good=None, side=8, cells=136, minimum=0.9):
    coverage = np.ones((cells, cells), bool) if good is None else good
    return Lattice(name, PairWindow(4, 4, cells - 8, cells - 8), side, 2, coverage, 1, minimum)


def test_windows_stay_inside_the_tile_and_come_once():
    field = lattice(side=120, cells=136)
    found = [field.window(rank) for rank in range(field.windows)]
    assert len(set(found)) == field.windows == 25
    assert all(min(w.row, w.column) >= 4 and max(w.bottom, w.right) <= 132 for w in found)
    assert field.window(25) is None
    assert field.other(12345) in found


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_a_tile_is_covered_evenly_by_any_number_of_chips(name):
    field = lattice(name)
    seen = np.zeros((61, 61))
    for rank in range(200):
        window = field.window(rank)
        seen[(window.row - 4) // 2, (window.column - 4) // 2] += 1
        if rank >= 8:
            for part in (seen[:30], seen[31:], seen[:, :30], seen[:, 31:]):
                assert abs(part.sum() - (rank + 1) * part.size / seen.size) < 4, "chance would have it 7 off"


def test_only_valid_ground_is_covered_and_evenly():
    good = np.add.outer(np.arange(136), np.arange(136)) < 136
    field = lattice(good=good, minimum=1.0)
    windows = [field.window(rank) for rank in range(150)]
    assert all(good[w.row : w.bottom, w.column : w.right].all() for w in windows)
    upper = sum(w.row < 30 for w in windows)
    expected = sum(good[r : r + 8, c : c + 8].all() for r in range(4, 30, 2) for c in range(4, 124, 2))
    assert upper == pytest.approx(150 * expected / field.windows, abs=5)


def test_no_ground_is_cut_from_two_tiles(ard, whole, tmp_path):
    make_chips(ard, tmp_path, count=60, **SMALL)
    tiles = {(tile.quadkey, tile.cid): tile for tile in walk_ard(str(ard))}
    ground = {}
    for row in rows(tmp_path):
        tile = tiles[row["quadkey"], row["cid"]]
        inside = grid_square_window(tile, 136, 136)
        assert inside == PairWindow(4, 4, 128, 128)
        window = PairWindow(*row["window"])
        assert inside.row <= window.row and window.bottom <= inside.bottom
        assert inside.column <= window.column and window.right <= inside.right
        ground.setdefault(row["quadkey"], set()).add((tile.bbox[0], tile.bbox[3], window.row, window.column))
    assert len(ground) == 4
    # 60 chips, 60 different windows.
    assert sum(map(len, ground.values())) == 60


def test_tiles_get_chips_in_proportion_to_their_valid_ground(ard, whole, tmp_path):
    make_chips(ard, tmp_path, count=60, **SMALL)
    counts = Counter(row["quadkey"] for row in rows(tmp_path))
    areas = {tile.quadkey: tile.data_area for tile in walk_ard(str(ard))}
    for quadkey, area in areas.items():
        assert counts[quadkey] == pytest.approx(60 * area / sum(areas.values()), abs=2)
