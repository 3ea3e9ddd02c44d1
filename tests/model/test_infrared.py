"""The predictor for pan that sees near infrared: its laws, and native code against torch."""

import numpy as np
import pytest
import torch

from potato.core.color import D65, delta_e_ok, mul_to_oklab
from potato.core.render import NATURAL
from potato.core.resample import block_mean, enlarge_mask, from_cells, to_cells
from potato.core.sensor_table import SENSORS, WORKSHOP, WORLDVIEW_2
from potato.core.sensors import Sensor
from potato.model import _native
from potato.model.facts import GAIN_LIMIT, RIDGE
from potato.model.features import local_regression, predict, regression_gain
from potato.model.gpu import GpuBackend
from potato.model.model import Architecture
from potato.model.native import NativeBackend
from potato.model.network import Sharpener, sharpen, sharpen_cells
from potato.model.weights import load_model
from potato.raster.pair import PairPixels

PREDICTOR = load_model("predictor")


def sensor(bands: int = 4, ratio: int = 4, infrared: float = 0.4) -> Sensor:
    """A sensor whose last band is near infrared, of which pan sees a share."""
    names = ("coastal", "blue", "green", "yellow", "red", "rededge", "orange")[: bands - 1]
    share, place = 1 / (bands - 1), np.linspace(0, 1, bands - 1)
    xyz = np.stack([place + 0.1, 1.1 - abs(2 * place - 1), 1.02 - place], 1)
    xyz = (xyz / xyz.sum(0) * D65).tolist()
    return Sensor(
        name="T1",
        title="Test",
        platforms=(),
        bands=(*names, "nir"),
        bands_to_xyz=(*map(tuple, xyz), (0.0, 0.0, 0.0)),
        pan_weights=((1 - infrared) * share,) * (bands - 1) + (infrared,),
        ratio=ratio,
    )


def scene(rows: int, columns: int, ratio: int = 4, bands: int = 4, seed: int = 0):
    """pan (1, 1, r·rows, r·columns) and mul (1, n, rows, columns), varying by cells."""
    random = torch.Generator().manual_seed(seed)
    mul = torch.rand(1, bands, rows, columns, generator=random) * 0.4 + 0.02
    fine = torch.rand(1, 1, ratio * rows, ratio * columns, generator=random) * 0.6 + 0.7
    return fine * mul.mean(1, keepdim=True).repeat_interleave(ratio, 2).repeat_interleave(ratio, 3), mul


def meadow(ratio: int = 4, side: int = 24):
    """Pan, mul and the sharp truth in bands: vegetation that varies in near infrared alone."""
    random = torch.Generator().manual_seed(1)
    fine = torch.randn(1, 1, ratio * (side + 8), ratio * (side + 8), generator=random)
    for _ in range(2):
        fine = torch.nn.functional.avg_pool2d(fine, 2 * ratio + 1, 1)
    fine = fine[..., : ratio * side, : ratio * side]
    infrared = (0.35 + 0.1 * fine / fine.std()).clamp(0.1, 0.6)
    visible = torch.tensor([0.03, 0.06, 0.04]).reshape(1, 3, 1, 1).expand(1, 3, *infrared.shape[-2:])
    truth = torch.cat([visible, infrared], 1)
    return 0.6 * 0.043 + 0.4 * infrared, block_mean(truth, ratio), truth


def test_pan_of_some_sensors_sees_infrared():
    assert sensor(infrared=0.26).pan_sees_infrared and not sensor(infrared=0.25).pan_sees_infrared
    found = {known.name for known in SENSORS if known.pan_sees_infrared}
    assert found >= {"QB02", "IK02", "GF1", "GF2", "GF6", "LE07"}
    assert found.isdisjoint({"WV02", "WV03", "GE01", "WV04", "PHR1A", "PHR1B", "SPOT6", "SPOT7"})


def test_other_sensors_keep_the_plain_predictor():
    pan, mul = scene(20, 20, bands=8)
    cells = to_cells(pan, WORKSHOP.ratio)
    plain = predict(cells.mean(1, keepdim=True), cells ** (1 / 3), mul_to_oklab(mul, WORLDVIEW_2))[0]
    found = sharpen(PREDICTOR, pan, mul, WORLDVIEW_2)
    assert torch.allclose(found[..., 8:-8, 8:-8], from_cells(plain, WORKSHOP.ratio), atol=1e-5)


@pytest.mark.parametrize("ratio", [2, 4])
def test_infrared_that_colour_does_not_follow_shows_less(ratio):
    """What is no change of shading disturbs colour less than under the plain predictor."""
    pan, mul, truth = meadow(ratio)
    inside = (..., slice(4 * ratio, -4 * ratio), slice(4 * ratio, -4 * ratio))
    errors = [
        float(delta_e_ok(sharpen(PREDICTOR, pan, mul, known), mul_to_oklab(truth, known))[inside].mean())
        for known in (sensor(ratio=ratio), sensor(ratio=ratio, infrared=0.0))
    ]
    assert errors[0] < 0.5 * errors[1]


def test_shading_is_left_to_the_predictor():
    """Pan and all bands times one shading that varies from cell to cell: nothing to correct."""
    random = torch.Generator().manual_seed(2)
    light = torch.rand(1, 1, 20, 20, generator=random) * 0.9 + 0.1
    spectrum = torch.tensor([0.05, 0.08, 0.06, 0.4]).reshape(1, 4, 1, 1)
    fine = torch.rand(1, 1, 80, 80, generator=random) + 0.5
    pan = fine * 0.2 * light.repeat_interleave(4, 2).repeat_interleave(4, 3)
    # Fine structure of pan that leaves its cell means as they are.
    pan = pan * (0.2 * light / block_mean(pan, WORKSHOP.ratio)).repeat_interleave(4, 2).repeat_interleave(
        4, 3
    )
    seeing, other = sensor(), sensor(infrared=0.0)
    found, plain = (sharpen(PREDICTOR, pan, spectrum * light, known) for known in (seeing, other))
    assert float(delta_e_ok(found, plain).max()) < 0.01


def test_a_line_is_followed_and_chance_is_not():
    random = torch.Generator().manual_seed(3)
    shading = torch.rand(1, 1, 40, 40, generator=random) * 0.3 + 0.4
    slopes, offsets = (
        torch.tensor(values).reshape(1, 3, 1, 1) for values in ([0.3, -0.2, 0.1], [0.4, 0.1, 0])
    )
    line = offsets + slopes * shading
    fit = local_regression(shading, shading.expand(-1, 16, -1, -1), line)
    missed = slopes - (offsets + slopes * fit.mean) / fit.mean
    variance = fit.deviations[:, :1] ** 2
    gain, limit = regression_gain(shading, line)
    # `RIDGE` lessens both the slope and the share that it explains.
    assert torch.allclose(gain, missed * (variance / (variance + RIDGE * fit.mean**2)) ** 2, atol=1e-3)
    assert torch.allclose(limit, GAIN_LIMIT * fit.deviations[:, :1], atol=1e-5)
    # Colour that is chance: what slope 5 × 5 cells show explains little of it.
    even = 0.5 + 0.02 * torch.randn(1, 1, 40, 40, generator=random)
    chance = 0.5 + 0.05 * torch.randn(1, 3, 40, 40, generator=random)
    fit = local_regression(even, even.expand(-1, 16, -1, -1), chance)
    whole = fit.slopes - 0.5 / fit.mean
    assert float(regression_gain(even, chance)[0].abs().mean()) < 0.3 * float(whole.abs().mean())


def test_detail_beyond_the_ground_around_is_the_predictors():
    """The more one pixel stands out, at the cost of its cell, the correction stays as it was."""
    pan, mul, _ = meadow()
    corrections = []
    for times in (3.0, 5.0):
        changed = pan.clone()
        cell = changed[..., 40:44, 40:44]
        cell[...] = (16 - times) / 15 * cell.mean()
        cell[..., 1, 1] *= times * 15 / (16 - times)
        found, plain = (
            sharpen(PREDICTOR, changed, mul, known)[0, :, 41, 41]
            for known in (sensor(), sensor(infrared=0.0))
        )
        corrections.append(found - plain)
    assert torch.allclose(*corrections, atol=1e-5) and corrections[0].abs().max() > 1e-3


def test_k_times_the_light_gives_cbrt_k_times_the_oklab():
    pan, mul = scene(16, 16)
    plain = sharpen(PREDICTOR, pan, mul, sensor())
    for factor in (0.25, 3.0):
        other = sharpen(PREDICTOR, factor * pan, factor * mul, sensor())
        assert torch.allclose(other, factor ** (1 / 3) * plain, atol=2e-4)


def test_predictor_reads_exactly_its_halo():
    model = Sharpener(Architecture(depth=0), sensor())
    assert (model.halo_valid, model.halo, model.read_halo) == (4, 4, 8)
    pan, mul = scene(9, 9)
    cells = to_cells(pan, WORKSHOP.ratio)
    centre = model(cells, mul)
    assert centre.shape == (1, 48, 1, 1)
    for row in (0, 8):
        other = mul.clone()
        other[:, :, row] *= 0.3
        assert not torch.equal(model(cells, other), centre)
    with pytest.raises(RuntimeError):
        model(cells[..., 1:-1, 1:-1], mul[..., 1:-1, 1:-1])


def test_block_with_holes_equals_crop_of_the_whole():
    model, (pan, mul) = Sharpener(Architecture(depth=0), sensor()), scene(40, 36)
    cells, edge = to_cells(pan, WORKSHOP.ratio), model.read_halo
    valid = (
        torch.rand(1, 16, 40, 36, generator=torch.Generator().manual_seed(1)) > 0.5,
        torch.ones_like(mul[:, :1]) > 0,
    )
    valid[0][..., 12:20, 9:30], valid[1][..., 22:30, :14] = False, False
    inner = (..., slice(edge, -edge), slice(edge, -edge))
    block = sharpen_cells(model, cells, mul, valid, edge)
    whole = sharpen_cells(model, cells, mul, valid)[inner]
    known = (valid[0] & valid[1])[inner].repeat(1, 3, 1, 1)
    assert torch.allclose(block[known], whole[known], atol=1e-5)


def window(known: Sensor, holes: bool, height: int = 7, width: int = 19) -> PairPixels:
    """A window of so many cells and the halo."""
    halo, random = NativeBackend(PREDICTOR, known).read_halo, np.random.default_rng(0)
    pan, mul = scene(height + 2 * halo, width + 2 * halo, known.ratio, len(known.bands))
    counts = [(image[0].numpy() * 1e4).astype(np.uint16) for image in (pan, mul)]
    fine, coarse = counts[0][0], counts[1]
    pan_valid, mul_valid = np.ones(fine.shape, np.bool_), np.ones(coarse.shape[1:], np.bool_)
    if holes:
        pan_valid &= random.random(fine.shape) < 0.95
        pan_valid &= enlarge_mask(random.random(mul_valid.shape) < 0.9, known.ratio)
        mul_valid &= random.random(mul_valid.shape) < 0.9
        mul_valid[:, width:] = False
    return PairPixels(fine, coarse, pan_valid, mul_valid)


def by_torch(known: Sensor, pixels: PairPixels) -> np.ndarray:
    """Oklab (3, rh, rw) of a window by torch, 0 where invalid."""
    network = Sharpener.of(PREDICTOR, known)
    pan, mul, fine, coarse = (
        torch.from_numpy(image.astype(np.float32))
        for image in (pixels.pan / 1e4, pixels.mul / 1e4, pixels.pan_valid, pixels.mul_valid)
    )
    valid = to_cells(fine[None, None], known.ratio) > 0, coarse[None, None] > 0
    halo, cells = network.read_halo, to_cells(pan[None, None], known.ratio)
    oklab = from_cells(sharpen_cells(network, cells, mul[None], valid, halo), known.ratio)[0].numpy()
    core = pixels.crop(halo, halo, *(side - 2 * halo for side in pixels.mul_valid.shape))
    return np.where(core.pan_valid & enlarge_mask(core.mul_valid, known.ratio), oklab, 0)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize(("bands", "ratio"), [(3, 2), (4, 3), (4, 4), (5, 5), (8, 6)])
def test_native_code_equals_torch(holes, bands, ratio):
    known = sensor(bands, ratio)
    pixels = window(known, holes)
    expected = by_torch(known, pixels)
    for instructions in _native.SETS:
        found = NativeBackend(PREDICTOR, known, instructions).oklab(pixels)
        assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize("counts", [0, 1, 65_535])
def test_native_code_equals_torch_on_extreme_ground(counts):
    known = sensor()
    pixels = window(known, holes=False)
    pixels.pan[:, ::3] = counts
    pixels.mul[:, ::2] = counts
    expected = by_torch(known, pixels)
    for instructions in _native.SETS:
        found = NativeBackend(PREDICTOR, known, instructions).oklab(pixels)
        assert np.isfinite(found).all()
        assert np.abs(found - expected).max() < 1e-4 * max(1, np.abs(expected).max())


def test_backends_give_the_same_codes():
    known = sensor()
    pixels = window(known, holes=True)
    native, other = NativeBackend(PREDICTOR, known), GpuBackend(PREDICTOR, "cpu", known)
    assert native.read_halo == other.read_halo
    codes = [backend.fuse(pixels, NATURAL, 4, 8).astype(int) for backend in (native, other)]
    assert np.abs(codes[0] - codes[1]).max() <= 1
