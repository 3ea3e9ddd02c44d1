"""Fixtures that the tests of the viewing tools share."""

from pathlib import Path

import pytest

from pictures import colours, ragged, write_rgba


@pytest.fixture
def two(tmp_path) -> tuple[Path, Path]:
    """An 8-bit and a 16-bit picture of one ground, with masks of different shape."""
    left = write_rgba(tmp_path / "a.tif", colours(150, 170, "uint8"), ragged(150, 170))
    right = write_rgba(tmp_path / "b.tif", colours(150, 170, "uint16", 1), ragged(150, 170)[::-1])
    return left, right
