"""Fixtures of the tests of evaluation."""

import os
from pathlib import Path

import pytest

from potato.core.resample import block_mean
from potato.core.sensor_table import WORKSHOP
from potato.model.weights import save_model
from registered import smooth_noise


@pytest.fixture
def weights(network, tmp_path):
    """A checkpoint named "mine"."""
    save_model(network, tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


@pytest.fixture(scope="session")
def real_pair():
    """The files of the real WorldView-2 pair, pan and mul."""
    folder = Path(os.environ.get("POTATO_DATA", "")) / "wv2"
    if not os.environ.get("POTATO_DATA") or not folder.is_dir():
        pytest.skip("POTATO_DATA names no folder with the real pair wv2")
    return folder / "wv2-pan.tif", folder / "wv2-ms.tif"


@pytest.fixture(scope="session")
def coloured():
    """A pair of many colours, whose arrays lie on pan."""
    fine = smooth_noise(2, 1, 192, 192, sigma=5.0) + 0.25 * (
        smooth_noise(2, 8, 192, 192, sigma=8.0, seed=1) - 0.2
    )
    return fine.mean(1, keepdim=True), block_mean(fine, WORKSHOP.ratio)
