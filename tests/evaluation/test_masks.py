"""Holes in pairs are filled, and pixels near them left out."""

import torch

import pairs
from networks import random_network
from potato.core.resample import inner
from potato.evaluation.masks import complete_pair, pull_push
from potato.model.network import sharpen
from potato.training.score import sharpen_chips


def test_holes_are_filled_from_their_surroundings():
    image = torch.full((1, 2, 37, 50), 0.3)
    valid = torch.zeros(1, 1, 37, 50, dtype=torch.bool)
    valid[..., 5:9, 40:] = True
    spoilt = torch.where(valid, image, torch.full_like(image, torch.nan))
    assert torch.allclose(pull_push(spoilt, valid), image, atol=1e-5)
    ramp = torch.arange(64.0).expand(1, 1, 64, 64)
    valid = torch.ones(1, 1, 64, 64, dtype=torch.bool)
    valid[..., 20:30, 20:30] = False
    filled = pull_push(ramp, valid)
    assert torch.equal(filled[valid], ramp[valid])
    assert float((filled - ramp).abs().max()) < 8


def test_a_valid_pair_stays_unchanged_and_holes_are_filled_as_fuse_does():
    network = random_network(mul_sharpness=False)  # which is measured on filled cells, too
    pan, mul = pairs.smooth_pair(24, 24)
    everywhere = torch.ones_like(pan, dtype=torch.bool), torch.ones_like(mul[:, :1], dtype=torch.bool)
    assert complete_pair(pan, mul, *everywhere)[0] is pan
    holes = (pan.clone(), mul.clone())
    holes[0][..., :48], holes[1][..., :12] = 0, 0
    full_pair = complete_pair(*holes, holes[0] > 0, holes[1][:, :1] > 0)
    assert min(float(image.min()) for image in full_pair) > 0
    with torch.inference_mode():
        as_fused, ours = sharpen_chips(network, *holes), sharpen(network, *full_pair)
    inside = (..., slice(32, -32), slice(48, -32))
    assert torch.allclose(as_fused[inside], ours[inside], atol=1e-5)


def test_inner_leaves_out_the_border_and_pixels_near_invalid_ones():
    valid = torch.ones(20, 30, dtype=torch.bool)
    valid[7, 11] = False
    expected = torch.ones_like(valid)
    expected[4:11, 8:15] = False
    assert torch.equal(inner(valid, 0, 3), expected)
    framed = torch.zeros_like(valid)
    framed[2:-2, 2:-2] = True
    assert torch.equal(inner(valid, 2, 3), expected & framed)
    assert not inner(valid, 12).any()
