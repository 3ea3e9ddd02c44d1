"""The script that fits what sensors see of simulated ground, and the numbers that it made."""

import os
from pathlib import Path

import numpy as np
import pytest

from potato.core.platforms import find_sensor
from potato.simulation.land.basis import plane_shares

LARGEST = {"pan": 0.004, "green": 0.03, "rededge1": 0.065, "rededge2": 0.055, "nir": 0.055}
"""The largest relative error on held-out spectra that we accept: root mean square."""


@pytest.fixture(scope="module")
def fit_planes():
    return pytest.importorskip("fit_planes", reason="needs the extra fit")


def test_shares_that_exist_are_found(fit_planes):
    generator = np.random.default_rng(0)
    planes = generator.random((50, 9))
    shares = np.array([0.1, 0.0, 0.2, 0.0, 0.4, 0.0, 0.3, 0.0, 0.0])
    found = fit_planes.fit_shares(planes, (planes @ shares)[None], np.full(50, 1 / 50))
    np.testing.assert_allclose(found, shares, atol=1e-3)


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("POTATO_DATA", "")
    if not folder or not (Path(folder) / "rsr").is_dir():
        pytest.skip("POTATO_DATA names no folder with rsr/ and spectra/")
    return Path(folder)


@pytest.fixture(scope="module")
def halves(fit_planes, data):
    return fit_planes.read_halves(data)


@pytest.mark.parametrize("name", ["LG05", "QB02", "PNEO3", "LC08"])
def test_packaged_shares_fit_held_out_spectra(fit_planes, data, halves, name):
    sensor = find_sensor(name)
    fitted, packaged = [*fit_planes.sensor_shares(data, name, halves)], plane_shares(sensor)
    for band, (shares, errors), row in zip(("pan", *sensor.bands), fitted, packaged.tolist(), strict=True):
        np.testing.assert_allclose(shares, row, atol=1.5e-3, err_msg=band)
        assert max(errors) < LARGEST.get(band, 0.02)
