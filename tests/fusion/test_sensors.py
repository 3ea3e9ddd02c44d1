"""A sensor is a record: pairs of one that nobody has heard of are sharpened like any other."""

import dataclasses

import numpy as np
import pytest
import rasterio
from affine import Affine

import pairs
from networks import random_network
from potato import fuse, load_model, open_pair, sharpen_onto, sharpen_window
from potato.core.color import D65, oklab_to_linear_srgb
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import FLAT, unrender
from potato.core.resample import block_mean
from potato.core.sensors import Sensor
from potato.core.windows import PairWindow
from potato.errors import WeightsError
from potato.model.network import sharpen

INVENTED = Sensor(
    name="X5",
    title="Invented",
    platforms=(),
    bands=("blue", "green", "red", "rededge", "nir"),
    bands_to_xyz=((0.18, 0.07, 0.95), (0.36, 0.72, 0.12), (0.41047, 0.21, 0.01883), (0, 0, 0), (0, 0, 0)),
    pan_weights=(0.2, 0.3, 0.3, 0.1, 0.1),
    ratio=3,
    file_order=("red", "green", "blue", "nir", "rededge"),
)


def write(folder, ratio: int, rows: int = 30, columns: int = 34):
    """A pair of `INVENTED` with that ratio: paths, pan and mul in counts."""
    random = np.random.default_rng(ratio)
    mul = random.uniform(1000, 4000, (5, rows, columns)).astype("uint16")
    shading = random.uniform(0.8, 1.2, (rows * ratio, columns * ratio))
    pan = (np.kron(mul.mean(0), np.ones((ratio, ratio))) * shading).astype("uint16")
    order = [INVENTED.bands.index(band) for band in INVENTED.file_order]
    return (
        pairs.write(folder / "pan.tif", pan),
        pairs.write(folder / "mul.tif", mul[order], pairs.CORNER @ Affine.scale(ratio)),
    ), (pan, mul)


@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 6])
def test_a_pair_of_an_invented_sensor_is_sharpened(tmp_path, ratio):
    paths, (pan, mul) = write(tmp_path, ratio)
    fuse(*paths, tmp_path / "o.tif", sensor=INVENTED, look="flat", block=10 * ratio)
    codes = pairs.read(tmp_path / "o.tif")
    assert codes.shape == (4, *pan.shape) and (codes[3] == 65535).all()
    with open_pair(*paths, sensor=INVENTED) as pair:
        assert (pair.ratio, pair.sensor.bands) == (ratio, INVENTED.bands)
        assert np.array_equal(pair.read(PairWindow(0, 0, pair.height, pair.width)).mul, mul)
        window = PairWindow(8, 9, 10, 11)
        rgb, valid = sharpen_window(pair, window, load_model(sensor=pair.sensor), FLAT)
        onto, _ = sharpen_onto(pair, pair.grid.coarser(8), load_model(sensor=pair.sensor))
    at = window.pixels(ratio)
    assert valid.all() and onto.any()
    assert np.array_equal(rgb, codes[:3, at.row : at.bottom, at.column : at.right])
    # The torch code, which defines the predictor, agrees within a code of rounding.
    import torch

    images = (torch.from_numpy(counts_to_reflectance(image))[None] for image in (pan[None], mul))
    seen = sharpen(load_model("predictor"), *images, pair.sensor)[0].numpy()
    expected = oklab_to_linear_srgb(seen).clip(0, 1)
    found = oklab_to_linear_srgb(unrender(codes[:3], FLAT).astype(np.float32))
    assert np.abs(found - expected).max() < 1e-3


def test_bands_of_an_invented_sensor_are_sharpened(tmp_path):
    paths, (_, mul) = write(tmp_path, 3)
    fuse(*paths, tmp_path / "o.tif", sensor=INVENTED, bands="all", block=30)
    counts = pairs.read(tmp_path / "o.tif")
    assert counts.shape == (5, 90, 102)
    means = block_mean(counts.astype(float), 3)
    error = np.abs(means - mul)[:, 2:-2, 2:-2] / mul.mean((1, 2), keepdims=True)
    assert error.mean() < 0.1 and np.abs(means / mul - 1).mean() < 0.1
    with rasterio.open(tmp_path / "o.tif") as file:
        assert file.descriptions == INVENTED.bands


def test_colours_of_a_pair_made_coarser_are_those_of_mul(tmp_path):
    paths, (_, mul) = write(tmp_path, 2, 40, 40)
    with open_pair(*paths, sensor=INVENTED) as pair:
        bands, valid = pair.reduced(2).read_colour(PairWindow(0, 0, 20, 20))
    assert valid.all() and np.array_equal(bands, mul)
    assert np.abs(block_mean(mul.astype(float), 2) - block_mean(bands.astype(float), 2)).max() == 0


def test_white_of_the_sensor_is_the_white_point():
    assert np.allclose(np.sum(INVENTED.bands_to_xyz, 0), D65)


def test_a_pair_is_sharpened_by_the_shipped_weights_that_fit_it(tmp_path, ship):
    coarse = dataclasses.replace(INVENTED, ratio=2)
    network = random_network(coarse, width=5, depth=1)
    ship(worldview=random_network(width=3, depth=1), invented=network)
    for ratio, name in ((2, "invented"), (3, "predictor")):
        paths, _ = write(tmp_path, ratio, 20, 20)
        given = {"default": (None, ()), "named": (name, ()), "bands": (None, "all")}
        for output, (weights, bands) in given.items():
            path = tmp_path / f"{output}.tif"
            fuse(*paths, path, sensor=INVENTED, weights=weights, bands=bands, overwrite=True)
            with rasterio.open(path) as file:
                assert file.tags()["POTATO_WEIGHTS"] == load_model(name).digest
        assert (tmp_path / "default.tif").read_bytes() == (tmp_path / "named.tif").read_bytes()
        with pytest.raises(WeightsError, match=r"expected weights for Invented .* found weights for coastal"):
            fuse(*paths, tmp_path / "refused.tif", sensor=INVENTED, weights="worldview")


def test_weights_for_other_bands_are_refused(tmp_path):
    paths, _ = write(tmp_path, 3)
    with pytest.raises(WeightsError, match=r"expected weights for Invented .* found weights for coastal"):
        fuse(*paths, tmp_path / "o.tif", sensor=INVENTED, weights=load_model())
    assert not (tmp_path / "o.tif").exists()
    with (
        open_pair(*paths, sensor=INVENTED) as pair,
        pytest.raises(WeightsError, match="leave the weights out"),
    ):
        sharpen_window(pair, PairWindow(0, 0, 4, 4), load_model())
