"""The script that fits the colour of each sensor, and the numbers that the package has from it."""

import os
from pathlib import Path

import numpy as np
import pytest

from potato.core.color import D65
from potato.core.platforms import find_sensor

AIMS = {
    "geoeye1": ("GE01", 0.66),
    "worldview4": ("WV04", 0.60),
    "quickbird2": ("QB02", 0.56),
    "ikonos2": ("IK02", 0.70),
    "pleiades1a": ("PHR1A", 0.62),
    "pleiades1b": ("PHR1B", 0.74),
    "spot6": ("SPOT6", 0.68),
    "pleiadesneo3": ("PNEO3", 0.40),
    "pleiadesneo4": ("PNEO4", 0.40),
    "landsat8": ("LC08", 0.42),
    "landsat9": ("LC09", 0.42),
    **{f"legion{n}": (f"LG0{n}", 0.16) for n in range(1, 7)},
    "worldview2": ("WV02", 0.13),
    "worldview3": ("WV03", 0.12),
}
"""The largest mean error on held-out spectra, in JND, that we accept for a satellite."""


@pytest.fixture(scope="module")
def fit_color():
    """The script; its libraries take a second to load, so not every worker should."""
    return pytest.importorskip("fit_color", reason="needs the extra fit")


@pytest.fixture(scope="module")
def data():
    folder = Path(os.environ.get("POTATO_DATA", ""))
    if not os.environ.get("POTATO_DATA") or not (folder / "rsr").is_dir():
        pytest.skip("POTATO_DATA names no folder with rsr/ and spectra/")
    return folder


@pytest.fixture(scope="module")
def halves(fit_color, data):
    return fit_color.read_halves(data)


def visible_rows(sensor):
    return np.array(sensor.bands_to_xyz)[: len(sensor.visible)]


def test_a_matrix_that_exists_is_found(fit_color):
    """Bands that see as the eye does need no compromise; white is exact."""
    generator = np.random.default_rng(0)
    responses = fit_color.Responses(("blue", "green", "red"), generator.random((721, 3)), np.ones(721))
    true = np.array([[0.1, 0.1, 1.0], [0.5, 0.8, -0.1], [0.35047, 0.1, 0.18883]])
    spectra = generator.random((50, 721))
    library = fit_color.Library(spectra, np.ones((50, 3)), np.full(50, 1 / 50))
    seen = fit_color.Library(spectra, library.seen_by(responses.visible) @ true, library.weights)
    np.testing.assert_allclose(fit_color.fit(seen, [responses], 0.0, signed=True), true, atol=1e-4)
    np.testing.assert_allclose(fit_color.fit(seen, [responses], 1.0, signed=True).sum(0), D65, atol=1e-4)
    assert fit_color.fit(seen, [responses], 0.0, signed=False).min() >= 0
    assert fit_color.colour_error(true, seen, responses) == pytest.approx((0, 0), abs=1e-6)


def test_pan_that_is_a_mixture_of_bands_has_their_shares(fit_color):
    generator = np.random.default_rng(0)
    mul, shares = np.repeat(np.eye(4), [180, 180, 180, 181], 0), [0.1, 0.2, 0.3, 0.4]
    light = mul * fit_color.sunlight()
    pan = (light / light.sum(0) @ shares) / fit_color.sunlight()[:, 0]
    responses = fit_color.Responses(("blue", "green", "red", "nir"), mul, pan)
    library = fit_color.Library(generator.random((50, 721)), np.ones((50, 3)), np.full(50, 1 / 50))
    np.testing.assert_allclose(fit_color.fit_pan(library, [responses]), shares, atol=0.01)


def test_rounded_columns_sum_exactly(fit_color):
    values = fit_color.rounded(
        np.array([[0.33333, 0.1], [0.33333, 0.2], [0.33381, 0.66666]]), (1.0, 0.9667), 4
    )
    np.testing.assert_allclose(values.sum(0), (1.0, 0.9667), atol=1e-12)


def test_misplaced_bands_and_noise_show_in_proportion(fit_color):
    """A fringe needs an edge; noise of grey depends on the matrix alone."""
    matrix = visible_rows(find_sensor("GE01"))
    flat = np.full((3, 8, 8), 0.1)
    assert fit_color.fringe(matrix, flat) == pytest.approx(0, abs=1e-6)
    edge = flat.copy()
    edge[:, :, 4:] = 0.2
    assert fit_color.fringe(matrix, edge) > 0.1
    assert fit_color.noise(matrix, flat) == pytest.approx(fit_color.noise(matrix, flat[:, :1, :1]))


@pytest.mark.parametrize("satellite", AIMS)
def test_colours_of_the_table_are_as_true_as_the_table_says(satellite, fit_color, data, halves):
    name, aim = AIMS[satellite]
    sensor = find_sensor(name)
    responses = fit_color.read_responses(data / "rsr" / f"{satellite}.csv")
    assert responses.bands == sensor.bands
    mean, _ = fit_color.colour_error(visible_rows(sensor), halves[1], responses)
    assert round(mean, 2) <= aim
    assert sensor.colour_error == pytest.approx(mean, abs=0.006)


@pytest.mark.parametrize("name", ["WV02", "GE01", "PNEO-BGRN", "LC08"])
def test_the_script_makes_the_numbers_of_the_table(name, fit_color, data, halves):
    sensor, satellites = find_sensor(name), [*fit_color.read_family(data, name).values()]
    matrix = fit_color.fit(halves[0], satellites, 1.2e-4, signed=len(sensor.visible) == 3)
    np.testing.assert_allclose(fit_color.rounded(matrix, D65, 4), visible_rows(sensor), atol=1e-9)
    shares = fit_color.fit_pan(halves[0], satellites)
    np.testing.assert_allclose(shares, sensor.pan_weights, atol=0.01)
