"""Laws of the losses: smooth at 0, blind to invalid pixels, and only the excess counts."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from potato.core.color import JND, delta_e_ok
from potato.core.resample import to_cells
from potato.core.sensor_table import WORKSHOP
from potato.training.losses import (
    SOFTNESS,
    delta_e_sum,
    fringe_loss,
    ghost_loss,
    soft_delta_e,
    unsaturated_mask,
)


def images(seed: int, spread: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(2, 3, 6, 5, generator=generator)
    return target + spread * torch.randn(target.shape, generator=generator), target


@given(st.integers(0, 1000), st.floats(1e-4, 1.0))
def test_soft_delta_e_lies_between_delta_e_less_the_softness_and_delta_e(seed, spread):
    output, target = images(seed, spread)
    plain, soft = delta_e_ok(output, target), soft_delta_e(output, target)
    assert bool((soft >= -1e-5).all())
    assert bool((soft <= plain + 1e-4).all()) and bool((soft >= plain - SOFTNESS - 1e-4).all())
    order = plain.flatten().argsort()
    assert bool((soft.flatten()[order].diff() >= -1e-4).all()), "a larger ΔE costs more"


def test_soft_delta_e_of_one_jnd_is_nearly_1_and_chroma_counts_double():
    grey = torch.full((3, 1, 1), 0.5)
    step = torch.tensor([JND, 0, 0]).reshape(3, 1, 1)
    assert float(mean_loss(grey + step, grey)) == pytest.approx((1 + SOFTNESS**2) ** 0.5 - SOFTNESS, abs=1e-5)
    chroma = torch.tensor([0, JND / 2, 0]).reshape(3, 1, 1)
    assert float(mean_loss(grey + chroma, grey)) == pytest.approx(
        float(mean_loss(grey + step, grey)), abs=1e-5
    )


def test_gradient_is_0_where_both_agree_and_bounded_elsewhere():
    _, target = images(1)
    same = target.clone().requires_grad_()
    mean_loss(same, target).backward()
    assert torch.equal(same.grad, torch.zeros_like(target)), "a bare root would give NaN"
    target = target.double()
    assert torch.autograd.gradcheck(
        lambda x: soft_delta_e(target + 1e-3 * x, target), torch.zeros_like(target, requires_grad=True)
    )
    far = images(2, 1.0)[0].requires_grad_()
    soft_delta_e(far, images(2)[1]).sum().backward()
    assert float(far.grad.norm(dim=1).max()) <= 2 / JND + 1e-3


@pytest.mark.parametrize("nonsense", [0.0, 7.0, float("nan"), float("inf")])
def test_invalid_pixels_change_neither_sum_nor_gradient(nonsense):
    output, target = images(3)
    valid = torch.rand(2, 1, 6, 5, generator=torch.Generator().manual_seed(4)) > 0.4
    clean = output.clone().requires_grad_()
    dirty = torch.where(valid, output, torch.full_like(output, nonsense)).requires_grad_()
    losses = [mean_loss(image, target, valid) for image in (clean, dirty)]
    for loss in losses:
        loss.backward()
    assert torch.equal(*losses)
    assert torch.equal(clean.grad, dirty.grad)
    assert bool((dirty.grad[~valid.expand_as(dirty)] == 0).all())
    by_hand = soft_delta_e(output, target)[valid[:, 0]]
    total, count = delta_e_sum(output, target, valid)
    assert int(count) == len(by_hand)
    torch.testing.assert_close(total, by_hand.sum())
    torch.testing.assert_close(losses[0].detach(), by_hand.mean())


def test_no_valid_pixel_gives_no_loss_and_no_gradient():
    output, target = images(5)
    output.requires_grad_()
    loss = mean_loss(output, target, torch.zeros(2, 1, 6, 5, dtype=torch.bool))
    loss.backward()
    assert float(loss.detach()) == 0 and not bool(output.grad.any())


@pytest.mark.parametrize(
    ("first", "second"), [((3, 4, 4), (3, 4, 5)), ((4, 4), (4, 4)), ((2, 4, 4), (2, 4, 4))]
)
def test_soft_delta_e_refuses_other_shapes(first, second):
    with pytest.raises(ValueError, match="expected two Oklab"):
        soft_delta_e(torch.zeros(first), torch.zeros(second))


def mean_loss(output: torch.Tensor, target: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
    """The mean of `soft_delta_e` over valid pixels, by way of `delta_e_sum`."""
    valid = torch.ones_like(target[..., :1, :, :], dtype=torch.bool) if valid is None else valid
    total, count = delta_e_sum(output, target, valid)
    return total / count.clamp_min(1)


def in_cells(image: torch.Tensor) -> torch.Tensor:
    """Oklab (3, h, w) in cells, one image."""
    return to_cells(image[None], WORKSHOP.ratio)


@pytest.mark.parametrize("hue", [(1.0, 0.0), (0.0, 1.0), (-0.6, 0.8)])
def test_fringe_loss_is_the_excess_of_chroma_over_the_truth(hue):
    """A pixel of chroma δ on grey, of any hue: 2 δ / JND, less its share of the mean of 9 cells."""
    grey = torch.full((3, 40, 40), 0.5)
    grey[1:] = 0
    all_valid = torch.ones(1, 16, 10, 10, dtype=torch.bool)
    speck = grey.clone()
    speck[1:, 20, 20] = 0.05 * torch.tensor(hue)
    share = 1 / 144  # of the mean of 3 × 3 cells; the other pixels of those cells are off by as much
    expected = 2 * 0.05 / JND * ((1 - share) + (144 - 1) * share)
    assert float(fringe_loss(in_cells(speck), in_cells(grey), all_valid)) == pytest.approx(expected, rel=1e-4)
    assert float(fringe_loss(in_cells(grey), in_cells(speck), all_valid)) == 0, "to lack one is no fringe"
    assert float(fringe_loss(in_cells(speck), in_cells(speck), all_valid)) == 0
    turned = grey - (speck - grey)
    assert float(fringe_loss(in_cells(turned), in_cells(speck), all_valid)) == 0, "nor is a wrong hue"


def test_fringe_loss_ignores_lightness_and_broad_colour():
    generator = torch.Generator().manual_seed(6)
    truth = torch.rand(3, 40, 40, generator=generator)
    other = truth.clone()
    other[0] += torch.rand(40, 40, generator=generator)
    other[1:] += 0.3
    valid = torch.ones(1, 16, 10, 10, dtype=torch.bool)
    assert float(fringe_loss(in_cells(other), in_cells(truth), valid)) == pytest.approx(0, abs=0.05)


def test_fringe_loss_ignores_invalid_pixels():
    generator = torch.Generator().manual_seed(7)
    output, target = torch.rand(2, 1, 48, 6, 6, generator=generator)
    valid = torch.rand(1, 16, 6, 6, generator=generator) > 0.3
    clean = float(fringe_loss(output, target, valid))
    for image in (output, target):
        image[:, 16:][~valid.repeat(1, 2, 1, 1)] = float("nan")
    assert float(fringe_loss(output, target, valid)) == clean > 0


def scene(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Truth whose lightness is that of pan, in cells; pan; and all of it valid."""
    generator = torch.Generator().manual_seed(seed)
    pan = 0.05 + 0.2 * torch.rand(1, 16, 10, 10, generator=generator)
    truth = torch.rand(1, 48, 10, 10, generator=generator)
    truth[:, :16] = 0.9 * pan ** (1 / 3)
    return truth, pan, torch.ones(1, 16, 10, 10, dtype=torch.bool)


def test_ghost_loss_is_the_excess_of_lightness_over_pan_and_the_truth():
    """One pixel lighter by δ: δ / JND, and what it does to the mean of its nine cells."""
    truth, pan, valid = scene(1)
    ghost = truth.clone()
    ghost[0, 5, 4, 4] += 0.05
    share = 1 / 144
    expected = 0.05 / JND * ((1 - share) + (144 - 1) * share)
    assert float(ghost_loss(ghost, truth, pan, valid)) == pytest.approx(expected, rel=1e-3)
    assert float(ghost_loss(truth, truth, pan, valid)) == 0
    assert float(ghost_loss(truth, ghost, pan, valid)) < 0.02 * expected, "to lack one is no ghost"


def test_ghost_loss_ignores_detail_that_follows_pan():
    truth, pan, valid = scene(2)
    flat = truth.clone()
    flat[:, :16] = truth[:, :16].mean() + 0.5 * (truth[:, :16] - truth[:, :16].mean())
    assert float(ghost_loss(truth, flat, pan, valid)) < 0.02 * float(ghost_loss(flat, truth, pan, valid))


def test_ghost_loss_ignores_colour_and_broad_lightness():
    truth, pan, valid = scene(3)
    other = truth + 0.1
    other[:, 16:] = torch.rand(1, 32, 10, 10, generator=torch.Generator().manual_seed(4))
    assert float(ghost_loss(other, truth, pan, valid)) == pytest.approx(0, abs=0.05)


def test_ghost_loss_ignores_invalid_pixels():
    truth, pan, _ = scene(5)
    generator = torch.Generator().manual_seed(6)
    output = truth + 0.05 * torch.randn(truth.shape, generator=generator)
    valid = torch.rand(1, 16, 10, 10, generator=generator) > 0.3
    clean = float(ghost_loss(output, truth, pan, valid))
    for image in (output, truth, pan):
        image[:, :16][~valid] = float("nan")
    assert float(ghost_loss(output, truth, pan, valid)) == clean > 0


def test_unsaturated_mask_leaves_out_cells_beside_a_saturated_pixel():
    """One red pixel in a grey picture spares its own cell and the eight around."""
    grey = torch.zeros(3, 28, 28)
    grey[0] = 0.5
    assert bool((unsaturated_mask(in_cells(grey)) == 1).all())
    for chroma, spared in ((0.045, 1.0), (0.065, 0.5), (0.085, 0.0)):
        speck = grey.clone()
        speck[1, 13, 14] = chroma
        asked = unsaturated_mask(in_cells(speck))
        assert asked.shape == (1, 1, 7, 7)
        assert asked[0, 0, 2:5, 2:5].unique().tolist() == pytest.approx([spared])
        assert float(asked.sum()) == pytest.approx(49 - 9 * (1 - spared))


def test_unsaturated_mask_counts_invalid_cells_as_unsaturated():
    assert bool((unsaturated_mask(torch.zeros(1, 48, 4, 4)) == 1).all())
