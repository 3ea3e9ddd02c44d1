import numpy as np
import pytest
import torch

from potato.core.noise import power_noise
from spectra import slope


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_noise_has_the_requested_spectrum(exponent):
    slopes = [
        slope(power_noise(256, 256, torch.Generator().manual_seed(seed), exponent).numpy())
        for seed in range(4)
    ]
    assert np.mean(slopes) == pytest.approx(-2 * exponent, abs=0.15)


def test_noise_is_scaled_wraps_around_and_follows_its_generator():
    one, same = (power_noise(64, 96, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, same) and one.shape == (64, 96)
    assert float(one.mean()) == pytest.approx(0, abs=1e-5) and float(one.std()) == pytest.approx(1, abs=1e-5)
    inside = (one[1:] - one[:-1]).abs().mean()
    assert float((one[0] - one[-1]).abs().mean()) < 2 * float(inside)
    assert not torch.equal(one, power_noise(64, 96, torch.Generator().manual_seed(4)))
