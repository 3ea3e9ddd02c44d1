"""Laws of sharp bands, and what native code and torch make of them."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import pairs
from networks import random_network
from potato.core.color import mul_to_xyz, oklab_to_xyz
from potato.core.mtf import degrade
from potato.core.resample import block_mean, enlarge_mask, to_cells
from potato.core.sensor_table import GEOEYE_1, LANDSAT_8, WORLDVIEW_2
from potato.model import _native
from potato.model.bands import bands_out, sharpen_bands
from potato.model.facts import CHROMA_NOISE, SOFT_GAIN
from potato.model.gpu import GpuBackend
from potato.model.model import BAND_HALOS
from potato.model.native import NativeBackend
from potato.model.network import sharpen
from potato.model.weights import load_model
from potato.raster.pair import PairPixels

SIDE = 24
RED, NIR = GEOEYE_1.bands.index("red"), GEOEYE_1.bands.index("nir")
THIRDS = dataclasses.replace(GEOEYE_1, ratio=3)


def rough_pair(seed: int = 0, sensor=GEOEYE_1) -> tuple[torch.Tensor, torch.Tensor]:
    """Reflectance of independent bands, and of pan with detail of its own."""
    random = torch.Generator().manual_seed(seed)
    mul = torch.rand(1, len(sensor.bands), SIDE, SIDE, generator=random) * 0.3 + 0.05
    pan = torch.rand(1, 1, sensor.ratio * SIDE, sensor.ratio * SIDE, generator=random) * 0.3 + 0.05
    return pan, mul


@pytest.mark.parametrize("sensor", [GEOEYE_1, LANDSAT_8, THIRDS], ids=lambda s: f"ratio {s.ratio}")
def test_detail_that_all_bands_share_is_injected_exactly(sensor):
    pan, _ = rough_pair(sensor=sensor)
    shares = torch.linspace(0.4, 1.7, len(sensor.bands))[:, None, None]
    mul = shares * block_mean(pan, sensor.ratio)
    assert torch.allclose(bands_out(None, pan, mul, sensor), shares * pan, rtol=1e-4)


def ground_truth() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Four bands of one ground at pan's scale; and what pan and mul see of it."""
    random = torch.Generator().manual_seed(1)
    surfaces = F.avg_pool2d(torch.rand(1, 3, 4 * SIDE + 4, 4 * SIDE + 4, generator=random), 5, 1)
    bands = torch.einsum("bk,nkhw->nbhw", torch.rand(4, 3, generator=random) + 0.2, surfaces) * 0.3
    shares = torch.tensor(GEOEYE_1.pan_weights)[:, None, None]
    return bands, (bands * shares).sum(1, keepdim=True), block_mean(bands, 4)


def test_cell_means_are_those_of_mul():
    _, pan, mul = ground_truth()
    found = block_mean(bands_out(None, pan, mul, GEOEYE_1), 4)
    error = ((found - mul).abs() / mul)[..., 2:-2, 2:-2]
    assert error.mean() < 3e-3 and error.max() < 2e-2
    ndvi, expected = ((x[:, NIR] - x[:, RED]) / (x[:, NIR] + x[:, RED]) for x in (found, mul))
    assert (ndvi - expected).abs()[..., 2:-2, 2:-2].mean() < 3e-3


def test_a_soft_mul_sees_its_own_brightness_in_the_result_rather_than_in_cell_means():
    truth, pan, _ = ground_truth()
    mul = degrade(truth, (SOFT_GAIN,), 4)
    found = bands_out(None, pan, mul, GEOEYE_1)
    shares = torch.tensor(GEOEYE_1.pan_weights)[:, None, None]
    light = (mul * shares).sum(1)
    seen, means, true_means = (
        ((cells * shares).sum(1) / light - 1)[..., 4:-4, 4:-4].abs().mean()
        for cells in (degrade(found, (SOFT_GAIN,), 4), block_mean(found, 4), block_mean(truth, 4))
    )
    assert seen < 0.2 * means and 0.7 * true_means < means < true_means


def test_bands_are_nearer_the_truth_than_enlarged_mul():
    truth, pan, mul = ground_truth()
    enlarged = F.interpolate(mul, scale_factor=4, mode="bicubic")
    error, plain = (
        (x - truth).square().mean((0, 2, 3)) for x in (bands_out(None, pan, mul, GEOEYE_1), enlarged)
    )
    assert (error < 0.5 * plain).all()


def test_detail_of_a_band_that_pan_tells_is_injected_though_it_is_no_shading():
    random = torch.Generator().manual_seed(0)
    pan = F.avg_pool2d(torch.rand(1, 1, 4 * SIDE + 8, 4 * SIDE + 8, generator=random), 9, 1) * 1.5 - 0.45
    truth = (
        torch.tensor([0.5, 0.1, 0.0, 0.0])[:, None, None]
        + pan * torch.tensor([0.3, 0.6, 1, 2])[:, None, None]
    )
    found = bands_out(None, pan, block_mean(truth, 4), GEOEYE_1)
    shading = F.interpolate(block_mean(truth, 4) / block_mean(pan, 4), scale_factor=4, mode="bicubic") * pan
    error, other = ((x - truth)[..., 8:-8, 8:-8].square().mean((0, 2, 3)).sqrt() for x in (found, shading))
    assert (error[:2] < 0.3 * other[:2]).all()


def test_order_of_bands_and_amount_of_light_do_not_matter():
    pan, mul = rough_pair()
    order = [2, 0, 3, 1]
    turned = dataclasses.replace(
        GEOEYE_1,
        **{
            name: tuple(getattr(GEOEYE_1, name)[i] for i in order)
            for name in ("bands", "bands_to_xyz", "codes")
        },
        pan_weights=tuple(GEOEYE_1.pan_weights[i] for i in order),
    )
    found = bands_out(None, pan, mul, GEOEYE_1)
    assert torch.allclose(bands_out(None, pan, mul[:, order], turned), found[:, order], rtol=1e-4, atol=1e-5)
    assert torch.allclose(bands_out(None, 2 * pan, 2 * mul, GEOEYE_1), 2 * found, rtol=1e-3, atol=1e-4)


def test_visible_bands_go_towards_the_chroma_of_the_network_and_keep_their_luminance():
    pan, mul = pairs.smooth_pair(SIDE, SIDE)
    model = load_model()
    plain, found = (bands_out(each, pan, mul, WORLDVIEW_2).detach() for each in (None, model))
    own, moved = (mul_to_xyz(bands, WORLDVIEW_2) for bands in (plain, found))
    goal = oklab_to_xyz(sharpen(model, pan, mul).detach())
    before, after = ((goal / goal[:, 1:2] - xyz / xyz[:, 1:2]).norm(dim=1) for xyz in (own, moved))
    assert torch.allclose(own[:, 1], moved[:, 1], rtol=1e-4)
    assert (
        torch.allclose(after, before / (1 + (before / CHROMA_NOISE) ** 2), atol=1e-5) and before.max() > 0.03
    )
    assert torch.equal(found[:, 5:], plain[:, 5:])


def test_holes_matter_to_nothing_around_them():
    pan, _ = rough_pair()
    shares = torch.tensor([0.5, 1.0, 1.5, 2.0])[:, None, None]
    mul = shares * block_mean(pan, 4)
    valid = torch.rand(pan.shape, generator=torch.Generator().manual_seed(2)) < 0.9
    whole = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(3)) < 0.9
    holes = to_cells(valid.float(), 4) > 0
    found, other = (
        sharpen_bands(
            None,
            to_cells(torch.where(valid, pan, torch.tensor(value)), 4),
            torch.where(whole, mul, torch.tensor(value)),
            GEOEYE_1,
            (holes, whole),
        )
        for value in (0.0, 5.0)
    )
    seen = (holes & whole)[:, None].expand_as(found)
    assert torch.equal(found[seen], other[seen]) and torch.isfinite(found).all()
    # What a hole hides of its cell changes the cell's mean, not more.
    error = (found / (shares[:, None] * to_cells(pan, 4)[:, None]) - 1)[seen].abs()
    assert error.mean() < 0.1


def window(sensor, height: int, width: int, holes: str = "") -> PairPixels:
    """A window of so many cells and the halo, with holes of a kind."""
    random = np.random.default_rng(0)
    rows, columns = (side + 2 * BAND_HALOS.read for side in (height, width))
    mul = random.uniform(200, 4000, (len(sensor.bands), rows, columns))
    mul = (mul + np.roll(mul, 1, 1) + np.roll(mul, 1, 2)) / 3
    pan = enlarge_mask(mul.mean(0), sensor.ratio)
    pan *= random.uniform(0.7, 1.3, pan.shape)
    pan_valid, mul_valid = np.ones(pan.shape, np.bool_), np.ones((rows, columns), np.bool_)
    if holes:
        pan_valid = (random.random(pan.shape) < 0.97) & enlarge_mask(
            random.random((rows, columns)) < 0.9, sensor.ratio
        )
        mul_valid = random.random((rows, columns)) < 0.9
        mul_valid[: rows // 2, columns // 2 :] = False
        pan[~pan_valid], mul[:, ~mul_valid] = 65_535, 65_535  # what lies in a hole must not matter
    return PairPixels(pan.astype("uint16"), mul.astype("uint16"), pan_valid, mul_valid)


@pytest.mark.parametrize("holes", ["", "holes"])
@pytest.mark.parametrize(
    ("sensor", "model"),
    [
        (WORLDVIEW_2, load_model()),
        *((sensor, load_model("predictor")) for sensor in (LANDSAT_8, THIRDS)),
        *((sensor, random_network(sensor).model()) for sensor in (LANDSAT_8, THIRDS)),
    ],
)
def test_native_code_gives_the_counts_of_torch(sensor, model, holes):
    pixels = window(sensor, 9, 21, holes)
    chosen = range(len(sensor.bands))
    expected = GpuBackend(model, "cpu", sensor).fuse_bands(pixels, chosen)
    for name in _native.SETS:
        found = NativeBackend(model, sensor, name).fuse_bands(pixels, chosen)
        difference = np.abs(found.astype(int) - expected)
        assert difference.max() <= 1 and (difference > 0).mean() < 0.01, name
        assert np.array_equal(found == 0, expected == 0) and (found[0] == 0).any() == bool(holes)


def test_any_bands_in_any_order_are_those_of_all():
    model, pixels = load_model(), window(WORLDVIEW_2, 8, 9, "holes")
    for backend in (NativeBackend(model), GpuBackend(model, "cpu", WORLDVIEW_2)):
        every = backend.fuse_bands(pixels, range(8))
        for chosen in ((6, 4, 2), (7,), (6, 5)):
            assert np.array_equal(backend.fuse_bands(pixels, chosen), every[list(chosen)])


def test_blocks_are_those_of_a_larger_one():
    model, pixels = load_model("predictor"), window(GEOEYE_1, 20, 17, "holes")
    backend = NativeBackend(model, GEOEYE_1)
    whole = backend.fuse_bands(pixels, range(4)).astype(int)
    part = pixels.crop(6, 5, 7 + 2 * BAND_HALOS.read, 9 + 2 * BAND_HALOS.read)
    found = backend.fuse_bands(part, range(4))
    assert np.abs(found - whole[:, 24 : 24 + 28, 20 : 20 + 36]).max() <= 1


def test_window_without_valid_pixels_gives_none():
    pixels = window(WORLDVIEW_2, 4, 4)
    pixels.pan_valid[:] = False
    for weights in (None, "predictor"):
        model = load_model(weights)
        for backend in (NativeBackend(model), GpuBackend(model, "cpu", WORLDVIEW_2)):
            assert backend.fuse_bands(pixels, (0,)) is None


def call(**changes):
    """Call native code with the arguments of a small window, some of them changed."""
    backend, pixels = NativeBackend(load_model("predictor")), window(WORLDVIEW_2, 4, 4, "holes")
    arguments = {
        "set": backend.instruction_set,
        "facts": backend._facts,
        "band_facts": backend._band_facts,
        "ratio": 4,
        "given": backend.bands_halo,
        "pan": pixels.pan,
        "mul": pixels.mul,
        "pan_valid": pixels.pan_valid,
        "mul_valid": pixels.mul_valid,
        "chosen": np.array([6, 4], np.int32),
        "oklab": np.zeros((4, 16, 16), np.float32),
        "out": np.zeros((2, 16, 16), np.uint16),
        "workspace": np.zeros(1 << 20, np.float32),
    }
    return _native.sharpen_bands(*(arguments | changes).values())


BAD = {
    "set": "abacus",
    "facts": np.zeros(3, np.float32),
    "band_facts": np.zeros(3, np.float32),
    "ratio": 9,
    "given": BAND_HALOS.whole - 1,
    "pan": np.zeros((8, 8), np.uint16),
    "mul": np.zeros((17, 80, 80), np.uint16),
    "pan_valid": None,
    "mul_valid": np.zeros((2, 2), np.bool_),
    "chosen": np.array([8], np.int32),
    "oklab": np.zeros((3, 16, 16), np.float32),
    "out": np.zeros((1, 16, 16), np.uint16),
    "workspace": np.zeros(10, np.float32),
}


@pytest.mark.parametrize("name", BAD)
def test_arguments_that_do_not_fit_are_refused(name):
    assert call() > 0
    with pytest.raises(ValueError, match=r"expected|no instruction set"):
        call(**{name: BAD[name]})
    with pytest.raises((TypeError, ValueError, BufferError)):
        call(**{name: object()})
