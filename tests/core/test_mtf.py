import math

import pytest
import torch

from potato.core.mtf import MUL_GAINS, PAN_GAINS, degrade, reach


def wave(frequency: float, side: int = 256) -> torch.Tensor:
    """A wave across (1, 1, side, side); `frequency` in cycles per pan pixel."""
    columns = torch.arange(side, dtype=torch.float64)
    return torch.cos(2 * math.pi * frequency * columns).expand(1, 1, side, side)


@pytest.mark.parametrize("gain", sorted({*MUL_GAINS["WV02"], *MUL_GAINS["WV03"], *PAN_GAINS["WV02"]}))
def test_a_wave_at_the_nyquist_frequency_of_mul_keeps_the_gain(gain):
    # Sampled at cells, the wave of 1/8 cycle per pan pixel is cos(π (n + 3/8)) = ±cos(3 π / 8).
    seen = degrade(wave(1 / 8), (gain,))[0, 0, 20, 20:-20].abs()
    expected = gain * math.cos(3 * math.pi / 8)
    assert seen.mean().item() == pytest.approx(expected, abs=2e-3)


def test_a_finer_wave_keeps_less_and_a_flat_image_all():
    coarse, fine = (degrade(wave(f), (0.35,))[0, 0, 20, 20:-20].std() for f in (1 / 32, 1 / 10))
    assert coarse > fine
    flat = torch.full((2, 8, 32, 32), 0.25)
    torch.testing.assert_close(degrade(flat, MUL_GAINS["WV03"]), torch.full((2, 8, 8, 8), 0.25))


def test_a_cell_depends_on_nothing_beyond_its_reach():
    gains = MUL_GAINS["WV02"]
    cells = reach(gains)
    image = torch.rand(1, 8, 4 * (2 * cells + 3), 4 * (2 * cells + 3), dtype=torch.float64)
    other = image.clone()
    other[..., :4, :] = 9.0
    changed = (degrade(image, gains) != degrade(other, gains)).any(1)[0].any(1)
    assert changed.nonzero().max() == cells


def test_each_channel_has_its_own_gain():
    image = wave(1 / 16).expand(1, 2, -1, -1)
    both = degrade(image, (0.2, 0.4))
    # The smallest gain sets where every Gaussian is cut off.
    for channel, gain in enumerate((0.2, 0.4)):
        alone = degrade(image[:, :1], (gain,))
        torch.testing.assert_close(both[:, channel : channel + 1], alone, atol=2e-4, rtol=0)


def test_gains_and_sides_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="expected 1 or 3 gains between 0 and 1"):
        degrade(torch.ones(1, 3, 8, 8), (0.3, 0.3))
    with pytest.raises(ValueError, match="gains between 0 and 1"):
        degrade(torch.ones(1, 3, 8, 8), (1.0,))
    with pytest.raises(ValueError, match="sides that 4 divides"):
        degrade(torch.ones(1, 1, 8, 10), (0.3,))
