"""A fixture that the tests of the report share."""

import pytest

from potato import fuse


@pytest.fixture
def fused(pair, tmp_path):
    """A pair, and pictures of it in both looks, sharpened by the predictor."""
    pictures = {}
    for look in ("natural", "flat"):
        pictures[look] = tmp_path / f"{look}.tif"
        fuse(*vars(pair).values(), pictures[look], weights="predictor", look=look)
    return pair, pictures
