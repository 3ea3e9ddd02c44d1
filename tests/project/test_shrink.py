"""Weights whose correction of lightness is shrunk."""

import pytest
import torch

from networks import OTHERS, random_network
from potato.core.sensor_table import WORKSHOP
from potato.model.model import Architecture
from potato.model.network import Sharpener, sharpen
from shrink import shrunk


@pytest.mark.parametrize("sensor", [WORKSHOP, OTHERS[0]], ids=str)
def test_shares_of_the_correction_are_left(sensor):
    network = random_network(sensor)
    mul = torch.rand(1, len(sensor.bands), 12, 12, generator=torch.Generator().manual_seed(1)) + 0.1
    side = 12 * sensor.ratio
    pan = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(2)) + 0.1
    none, whole, parts = (
        sharpen(shrunk(network.model(), *shares), pan, mul, sensor)[0]
        for shares in ((0, 0), (1, 1), (0.5, 0.25))
    )
    assert torch.equal(whole, sharpen(network, pan, mul, sensor)[0])
    assert torch.allclose(
        none, sharpen(Sharpener(Architecture(depth=0), sensor), pan, mul, sensor)[0], atol=1e-5
    )
    assert torch.allclose(parts[0], (none[0] + whole[0]) / 2, atol=1e-5)
    assert torch.allclose(parts[1:], 0.75 * none[1:] + 0.25 * whole[1:], atol=1e-5)
    assert (whole - none).abs().mean((1, 2)).min() > 0.001
