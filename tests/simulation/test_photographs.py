"""Ground of photographs and of dead leaves, and the spectral lift."""

import pytest
import torch

from grounds import LIBRARY, photograph, photographed_ground, seeded
from potato.core.color import delta_e_ok, linear_srgb_to_oklab, mul_to_oklab, srgb_decode
from potato.core.resample import block_mean
from potato.core.sensor_table import WORKSHOP
from potato.simulation.dead_leaves import lay_dead_leaves
from potato.simulation.ground import BRIGHTEST, DARKEST
from potato.simulation.spectral_lift import lift_spectra


def test_lift_keeps_the_order_of_lightness():
    picture = photograph(3)
    picture[1] = picture.amin(0)  # nothing green
    planes = lift_spectra(picture, LIBRARY, seeded(1))
    assert planes.shape == (9, 48, 48) and bool((planes > 0).all())
    before = linear_srgb_to_oklab(block_mean(srgb_decode(picture.float() / 255), 2))[0]
    after = mul_to_oklab(planes[1:], WORKSHOP)[0]
    ranks = [image.flatten().argsort().argsort().float() for image in (before, after)]
    assert float(torch.corrcoef(torch.stack(ranks))[0, 1]) > 0.999


def test_lift_darkens_leaves():
    halves = torch.empty(3, 64, 64, dtype=torch.uint8)
    halves[..., :32] = torch.tensor([112, 112, 112])[:, None, None]
    halves[..., 32:] = torch.tensor([80, 125, 70])[:, None, None]
    before = linear_srgb_to_oklab(srgb_decode(halves.float() / 255))[0]
    assert abs(float(before[:, :32].mean() - before[:, 32:].mean())) < 0.02
    darker = 0
    for seed in range(8):
        after = mul_to_oklab(lift_spectra(halves, LIBRARY, seeded(seed))[1:], WORKSHOP)[0]
        darker += bool(after[:, 16:].mean() < 0.97 * after[:, :16].mean())
    assert darker >= 4, "some clusters take any spectrum"


def test_lift_is_repeatable_and_another_seed_gives_other_spectra():
    picture = photograph(4)
    first, second, third = (lift_spectra(picture, LIBRARY, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert float(delta_e_ok(mul_to_oklab(first[1:], WORKSHOP), mul_to_oklab(third[1:], WORKSHOP)).mean()) > 1


def test_green_pixels_get_spectra_of_leaves():
    """Leaves reflect several times as much in the near infrared as in red; no paint does."""
    picture = torch.tensor([60, 110, 40])[:, None, None].expand(3, 64, 64).to(torch.uint8)
    steep = 0
    for seed in range(12):
        planes = lift_spectra(picture, LIBRARY, seeded(seed)).mean((1, 2))
        steep += bool(planes[7] > 2.5 * planes[5])
    assert steep >= 6, "some clusters take any spectrum"


def test_lifted_spectrum_is_near_a_measured_one():
    """One colour, one cluster: the spectrum has the shape of one in the list."""
    picture = torch.full((3, 64, 64), 150, dtype=torch.uint8)
    found = lift_spectra(picture, LIBRARY, seeded(5)).mean((1, 2))
    shape = found / found.mean()
    shapes = LIBRARY.spectra / LIBRARY.spectra.mean(1, keepdim=True)
    assert float((shapes - shape).abs().mean(1).min()) < 0.12


def some_ground(kind, size=128):
    if kind == "leaves":
        return lay_dead_leaves(size, size, LIBRARY, seeded(1))
    return photographed_ground(size)


@pytest.mark.parametrize("kind", ["leaves", "photographs"])
def test_ground_is_covered_and_in_range(kind):
    ground = some_ground(kind)
    planes = torch.cat([ground.pan[None], ground.bands])
    assert planes.shape == (9, 128, 128)
    assert float(planes.min()) >= DARKEST - 1e-6 and float(planes.max()) <= BRIGHTEST + 1e-6
    # No corner is left empty: everywhere there is more than one value.
    assert float(planes.unfold(1, 32, 32).unfold(2, 32, 32).flatten(3).std(3).min()) > 1e-4
    again = some_ground(kind)
    assert torch.equal(again.pan, ground.pan) and len(again.movers) == len(ground.movers)


def test_dead_leaves_show_many_colours_with_sharp_edges():
    ground = some_ground("leaves", 192)
    oklab = mul_to_oklab(ground.bands, WORKSHOP)
    assert float(oklab[1:].std((1, 2)).min()) > 0.02, "colours are everywhere"
    steps = delta_e_ok(oklab[:, :, 1:], oklab[:, :, :-1])
    assert float((steps > 5).float().mean()) > 0.03 and float(steps.median()) < 1
