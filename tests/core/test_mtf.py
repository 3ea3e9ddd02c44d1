"""The filter of modulation transfer: gains, positions, reach."""

import pytest
import torch
import torch.nn.functional as F

from potato.core.mtf import degrade, enlarged_taps, mul_gains, pan_gains, reach
from potato.core.resample import block_mean, upsample
from potato.core.sensor_table import LANDSAT_8, SENSORS, WORLDVIEW_2, WORLDVIEW_3


def wave(frequency: float, side: int = 256, ratio: int = 4) -> torch.Tensor:
    """A wave across (1, 1, side, side), highest at the centre of the first cell.

    Args:
        frequency: cycles per pan pixel.
        side: pan pixels.
        ratio: pan pixels along a cell.
    """
    columns = torch.arange(side, dtype=torch.float64) - (ratio - 1) / 2
    return torch.cos(2 * torch.pi * frequency * columns).expand(1, 1, side, side)


@pytest.mark.parametrize(("gain", "ratio"), [(0.11, 4), (0.27, 4), (0.35, 4), (0.3, 2), (0.3, 3)])
def test_a_wave_at_the_nyquist_frequency_of_mul_keeps_the_gain_and_its_place(gain, ratio):
    # At the centres of cells the wave is +1, −1, +1, …
    seen = degrade(wave(1 / (2 * ratio), 128 * ratio, ratio), (gain,), ratio)[0, 0, 8, 16:-16]
    assert torch.allclose(seen.abs(), torch.full_like(seen, gain), atol=1e-3)
    assert torch.equal(seen.sign(), torch.tensor([1.0, -1.0]).double().repeat(48))


def test_every_sensor_has_a_gain_for_each_band_published_or_typical():
    for sensor in SENSORS:
        assert len(mul_gains(sensor)) == len(sensor.bands) and len(pan_gains(sensor)) == 1
    assert mul_gains(WORLDVIEW_2)[-1] == 0.27 and pan_gains(WORLDVIEW_2) == (0.11,)
    assert mul_gains(LANDSAT_8) == (0.3,) * 5 and pan_gains(LANDSAT_8) == (0.15,)


def test_a_finer_wave_keeps_less():
    coarse, fine = (degrade(wave(f), (0.35,), 4)[0, 0, 20, 20:-20].std() for f in (1 / 32, 1 / 10))
    assert coarse > fine


def test_flat_images_and_slopes_become_their_block_means():
    slope = torch.arange(256.0).double().expand(1, 1, 256, 256)
    for image in (slope, slope.mT.contiguous(), torch.full_like(slope, 0.3)):
        inside = (..., slice(8, -8), slice(8, -8))
        assert torch.allclose(degrade(image, (0.35,), 4)[inside], block_mean(image, 4)[inside], atol=1e-9)


@pytest.mark.parametrize("gains", [mul_gains(WORLDVIEW_2), mul_gains(WORLDVIEW_3), pan_gains(WORLDVIEW_2)])
def test_a_cell_is_blurred_exactly_as_far_as_the_reach(gains):
    image = torch.zeros(1, len(gains), 128, 128)
    image[..., 64:68, 64:68] = 1
    rows = (degrade(image, gains, 4) > 0).any(3).any(1)[0].nonzero()[:, 0]
    assert rows.min() == 16 - reach(gains) and rows.max() == 16 + reach(gains)


@pytest.mark.parametrize("ratio", [2, 3, 4])
def test_enlarged_taps_are_what_the_gaussian_sees_of_an_enlarged_image(ratio):
    image = torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    seen = degrade(upsample(image, ratio), (0.3,), ratio)[0, 0, 2:-2, 2:-2]
    taps = torch.from_numpy(enlarged_taps(0.3, 2, ratio)).float()
    expected = F.conv2d(image, taps.outer(taps)[None, None])[0, 0, 2:-2, 2:-2]
    assert (seen - expected).abs().max() < 3e-3


def test_each_channel_has_its_own_gain():
    image = torch.rand(1, 8, 64, 64, generator=torch.Generator().manual_seed(0))
    together = degrade(image, mul_gains(WORLDVIEW_3), 4)
    # The smallest gain sets where every Gaussian is cut off.
    for band, gain in enumerate(mul_gains(WORLDVIEW_3)):
        assert torch.allclose(together[:, band], degrade(image[:, [band]], (gain,), 4)[:, 0], atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "gains", "message"),
    [
        ((1, 3, 8, 8), (0.3, 0.3), "1 or 3 gains between 0 and 1"),
        ((1, 1, 8, 8), (1.0,), "gains between 0 and 1"),
        ((1, 1, 8, 9), (0.3,), "sides that 4 divides"),
    ],
)
def test_other_gains_and_sides_are_refused(shape, gains, message):
    with pytest.raises(ValueError, match=message):
        degrade(torch.ones(shape), gains, 4)
