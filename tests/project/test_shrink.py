"""Weights whose correction of lightness is shrunk."""

import pytest
import torch

from networks import OTHERS, random_network
from potato.core.sensor_table import WORKSHOP
from potato.model.network import sharpen
from shrink import shrunk


@pytest.mark.parametrize("sensor", [WORKSHOP, OTHERS[0]], ids=str)
def test_a_share_of_the_correction_of_lightness_is_left_and_all_of_colour(sensor):
    network = random_network(sensor)
    mul = torch.rand(1, len(sensor.bands), 12, 12, generator=torch.Generator().manual_seed(1)) + 0.1
    side = 12 * sensor.ratio
    pan = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(2)) + 0.1
    none, whole, half = (
        sharpen(shrunk(network.model(), share), pan, mul, sensor)[0] for share in (0.0, 1.0, 0.5)
    )
    assert torch.equal(whole, sharpen(network, pan, mul, sensor)[0])
    assert torch.allclose(half[0], (none[0] + whole[0]) / 2, atol=1e-5)
    assert torch.allclose(half[1:], whole[1:], atol=1e-6)
    assert (whole[0] - none[0]).abs().mean() > 0.01
