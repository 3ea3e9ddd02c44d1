import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from potato.core.types import check_pair_shapes


@given(st.integers(1, 3), st.integers(3, 9), st.integers(2, 6), st.integers(1, 5), st.integers(1, 5))
def test_the_shapes_of_a_pair_are_accepted(batch, bands, ratio, height, width):
    check_pair_shapes(
        torch.empty(batch, 1, ratio * height, ratio * width), torch.empty(batch, bands, height, width)
    )


@pytest.mark.parametrize(
    ("pan", "mul"),
    [
        ((1, 8, 8), (8, 2, 2)),
        ((1, 1, 8, 9), (1, 8, 2, 2)),
        ((2, 1, 8, 8), (1, 8, 2, 2)),
        ((1, 1, 8, 12), (1, 8, 2, 2)),
        ((1, 3, 8, 8), (1, 8, 2, 2)),
    ],
)
def test_other_shapes_are_refused_with_what_came(pan, mul):
    with pytest.raises(
        ValueError, match=r"expected pan \(b, 1, rh, rw\) and mul \(b, n, h, w\), found"
    ) as raised:
        check_pair_shapes(torch.empty(pan), torch.empty(mul))
    assert f"found {pan} and {mul}" in str(raised.value)
