"""The loss: a distance that people see, smooth at 0, blind to what is invalid."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from potato.color import JND, delta_e_ok
from potato.losses import SOFTNESS, delta_e_loss, delta_e_sum, soft_delta_e


def images(seed: int, spread: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(2, 3, 6, 5, generator=generator)
    return target + spread * torch.randn(target.shape, generator=generator), target


@given(st.integers(0, 1000), st.floats(1e-4, 1.0))
def test_it_is_the_distance_less_the_softness_at_most(seed, spread):
    output, target = images(seed, spread)
    plain, soft = delta_e_ok(output, target), soft_delta_e(output, target)
    assert bool((soft >= -1e-5).all())
    assert bool((soft <= plain + 1e-4).all()) and bool((soft >= plain - SOFTNESS - 1e-4).all())
    order = plain.flatten().argsort()
    assert bool((soft.flatten()[order].diff() >= -1e-4).all()), "what looks further off costs more"


def test_a_lightness_of_one_jnd_costs_nearly_one_and_chroma_counts_double():
    grey = torch.full((3, 1, 1), 0.5)
    step = torch.tensor([JND, 0, 0]).reshape(3, 1, 1)
    assert float(delta_e_loss(grey + step, grey)) == pytest.approx(
        (1 + SOFTNESS**2) ** 0.5 - SOFTNESS, abs=1e-5
    )
    chroma = torch.tensor([0, JND / 2, 0]).reshape(3, 1, 1)
    assert float(delta_e_loss(grey + chroma, grey)) == pytest.approx(
        float(delta_e_loss(grey + step, grey)), abs=1e-5
    )


def test_the_slope_is_smooth_where_both_agree_and_bounded_elsewhere():
    _, target = images(1)
    same = target.clone().requires_grad_()
    delta_e_loss(same, target).backward()
    assert torch.equal(same.grad, torch.zeros_like(target)), "a bare root would give NaN"
    target = target.double()
    assert torch.autograd.gradcheck(
        lambda x: soft_delta_e(target + 1e-3 * x, target), torch.zeros_like(target, requires_grad=True)
    )
    far = images(2, 1.0)[0].requires_grad_()
    soft_delta_e(far, images(2)[1]).sum().backward()
    assert float(far.grad.norm(dim=1).max()) <= 2 / JND + 1e-3


@pytest.mark.parametrize("nonsense", [0.0, 7.0, float("nan"), float("inf")])
def test_invalid_pixels_count_for_nothing(nonsense):
    output, target = images(3)
    valid = torch.rand(2, 1, 6, 5, generator=torch.Generator().manual_seed(4)) > 0.4
    clean = output.clone().requires_grad_()
    dirty = torch.where(valid, output, torch.full_like(output, nonsense)).requires_grad_()
    losses = [delta_e_loss(image, target, valid) for image in (clean, dirty)]
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


def test_nothing_valid_is_no_loss_and_no_slope():
    output, target = images(5)
    output.requires_grad_()
    loss = delta_e_loss(output, target, torch.zeros(2, 1, 6, 5, dtype=torch.bool))
    loss.backward()
    assert float(loss.detach()) == 0 and not bool(output.grad.any())


@pytest.mark.parametrize(
    ("first", "second"), [((3, 4, 4), (3, 4, 5)), ((4, 4), (4, 4)), ((2, 4, 4), (2, 4, 4))]
)
def test_other_shapes_are_refused(first, second):
    with pytest.raises(ValueError, match="expected two Oklab"):
        soft_delta_e(torch.zeros(first), torch.zeros(second))
