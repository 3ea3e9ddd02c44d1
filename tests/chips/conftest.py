"""An ARD and the chips that are cut out of it, for several test files."""

from pathlib import Path

import numpy as np
import pytest

from ards import SMALL, contents, write_ard, write_tile
from potato.chips.make import make_chips


@pytest.fixture(scope="session")
def ard(tmp_path_factory) -> Path:
    """Four tiles, one of them with a slanted edge."""
    root = write_ard(tmp_path_factory.mktemp("ard"))
    slant = np.arange(136)[None, :] + 0.3 * np.arange(136)[:, None] < 130
    write_tile(root, 1, 1, valid=slant)
    return root


@pytest.fixture(scope="session")
def whole(ard, tmp_path_factory) -> dict[str, bytes]:
    """The files of a folder of 24 chips made in one run."""
    folder = tmp_path_factory.mktemp("whole")
    make_chips(ard, folder, count=24, **SMALL)
    return contents(folder)
