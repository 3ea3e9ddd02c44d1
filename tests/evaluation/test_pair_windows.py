"""Windows of a pair: they cover it, and those that can't be evaluated are refused."""

import numpy as np
import pytest

from potato.core.windows import PairWindow
from potato.evaluation.pair_windows import WINDOW, even_windows


@pytest.mark.parametrize(("rows", "columns"), [(320, 320), (321, 640), (1000, 7), (4352, 333), (16, 16)])
def test_windows_cover_every_cell_once_and_none_is_a_sliver(rows, columns):
    region = PairWindow(16, 32, rows, columns)
    windows = even_windows(region, 4)
    seen = np.zeros((rows + 16, columns + 32), int)
    for window in windows:
        seen[window.row : window.bottom, window.column : window.right] += 1
        assert max(window.height, window.width) <= WINDOW // 4 + 16
        assert window.height >= min(rows, 120) and window.width >= min(columns, 120)
    assert (seen[16:, 32:] == 1).all() and seen.sum() == rows * columns


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ((0, 0, 158, 160), "whole mul pixels, 4 × 4 of pan"),
        ((0, 4, 160, 160), "inside the 160 rows"),
        ((0, 0, 160, 60), "expected at least 160 pan pixels"),
        ((-4, 0, 160, 160), "inside the 160 rows"),
    ],
)
def test_windows_outside_the_pair_or_off_its_grid_are_refused(run, pair, window, message):
    result = run("evaluate", pair.pan, pair.mul, "--baselines", "none", "--window", *window)
    assert result.exit_code == 1 and message in result.stderr


def test_a_part_too_small_for_registration_is_refused_without_advice_on_protocols(run, pair):
    result = run("evaluate", "--registration", pair.pan, pair.mul, "--window", 0, 0, 124, 160)
    assert result.exit_code == 1 and "expected at least 128 pan pixels" in result.stderr
    assert "--protocol" not in result.stderr
