"""Ground of photographs and dead leaves, the instrument's own pixels, and Wald's protocol on scenes."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch

from potato.chips import scenes
from potato.chips.scenes import GROUNDS, list_photographs, make_scenes, scene_chip
from potato.core.color import delta_e_ok, linear_srgb_to_oklab, mul_to_oklab, srgb_decode
from potato.core.resample import block_mean
from potato.core.sensors import SCALE
from potato.errors import InputError
from potato.raster import read_photograph
from potato.simulation.clutter import strew
from potato.simulation.dead_leaves import shed_leaves
from potato.simulation.ground import BRIGHTEST, DARKEST, Ground
from potato.simulation.imager import (
    IDEAL,
    Sensor,
    displacement_field,
    observe,
    observe_coarser,
    random_sensor,
    truth,
)
from potato.simulation.land.reflectances import load_reflectances
from potato.simulation.photographs import lay_photographs
from potato.simulation.spectral_lift import Lifter, lift

SURFACES = load_reflectances()
LIFTER = Lifter.of(SURFACES)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def photograph(seed, size=96):
    """Blobs in a few colours with some texture: uint8 (3, size, size)."""
    field = torch.nn.functional.interpolate(
        torch.rand(1, 3, 6, 6, generator=seeded(seed)), size=size, mode="bicubic"
    )[0]
    grain = 0.05 * torch.randn(1, size, size, generator=seeded(seed + 1))
    return ((0.2 + 0.5 * field.round() + grain).clamp(0, 1) * 255).to(torch.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty photographs, as PNG."""
    place = tmp_path_factory.mktemp("photographs")
    for n in range(20):
        with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
            file = rasterio.open(
                place / f"{n:02}.png", "w", driver="PNG", width=96, height=96, count=3, dtype="uint8"
            )
        with file:
            file.write(photograph(n).numpy())
    return place


# ── lifting ───────────────────────────────────────────────────────────────────────────────────────────


def test_lifting_keeps_the_order_of_lightness():
    picture = photograph(3)
    picture[1] = picture.amin(0)  # nothing green
    planes = lift(picture, LIFTER, seeded(1))
    assert planes.shape == (9, 48, 48) and bool((planes > 0).all())
    before = linear_srgb_to_oklab(block_mean(srgb_decode(picture.float() / 255), 2))[0]
    after = mul_to_oklab(planes[1:])[0]
    ranks = [image.flatten().argsort().argsort().float() for image in (before, after)]
    assert float(torch.corrcoef(torch.stack(ranks))[0, 1]) > 0.999


def test_leaves_become_darker_than_a_photograph_prints_them():
    halves = torch.empty(3, 64, 64, dtype=torch.uint8)
    halves[..., :32] = torch.tensor([112, 112, 112])[:, None, None]
    halves[..., 32:] = torch.tensor([80, 125, 70])[:, None, None]
    before = linear_srgb_to_oklab(srgb_decode(halves.float() / 255))[0]
    assert abs(float(before[:, :32].mean() - before[:, 32:].mean())) < 0.02
    darker = 0
    for seed in range(8):
        after = mul_to_oklab(lift(halves, LIFTER, seeded(seed))[1:])[0]
        darker += bool(after[:, 16:].mean() < 0.97 * after[:, :16].mean())
    assert darker >= 4, "strange paints may lie on some"


def test_lifting_is_repeatable_and_another_seed_gives_other_spectra():
    picture = photograph(4)
    first, second, third = (lift(picture, LIFTER, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert float(delta_e_ok(mul_to_oklab(first[1:]), mul_to_oklab(third[1:])).mean()) > 1


def test_what_is_green_gets_the_spectra_of_leaves():
    """Leaves reflect several times as much in the near infrared as in red; no paint does."""
    picture = torch.tensor([60, 110, 40])[:, None, None].expand(3, 64, 64).to(torch.uint8)
    steep = 0
    for seed in range(12):
        planes = lift(picture, LIFTER, seeded(seed)).mean((1, 2))
        steep += bool(planes[7] > 2.5 * planes[5])
    assert steep >= 6, "strange paints may lie on some"


def test_a_lifted_spectrum_is_a_measured_one_varied():
    """One colour, one cluster: the spectrum has the shape of one in the list."""
    picture = torch.full((3, 64, 64), 150, dtype=torch.uint8)
    found = lift(picture, LIFTER, seeded(5)).mean((1, 2))
    shape = found / found.mean()
    shapes = LIFTER.spectra / LIFTER.spectra.mean(1, keepdim=True)
    assert float((shapes - shape).abs().mean(1).min()) < 0.12


# ── the ground ────────────────────────────────────────────────────────────────────────────────────────


def some_ground(kind, size=128):
    if kind == "leaves":
        return shed_leaves(size, size, LIFTER, seeded(1))
    return lay_photographs(
        size, size, lambda dice: photograph(dice.randrange(99), dice.choice((64, 96))), LIFTER, seeded(1)
    )


@pytest.mark.parametrize("kind", ["leaves", "photographs"])
def test_ground_covers_all_and_is_possible(kind):
    ground = some_ground(kind)
    planes = torch.cat([ground.pan[None], ground.bands])
    assert planes.shape == (9, 128, 128)
    assert float(planes.min()) >= DARKEST - 1e-6 and float(planes.max()) <= BRIGHTEST + 1e-6
    # No corner is left empty: everywhere there is more than one value.
    assert float(planes.unfold(1, 32, 32).unfold(2, 32, 32).flatten(3).std(3).min()) > 1e-4
    again = some_ground(kind)
    assert torch.equal(again.pan, ground.pan) and len(again.movers) == len(ground.movers)


def test_leaves_show_many_colours_with_sharp_edges():
    ground = some_ground("leaves", 192)
    oklab = mul_to_oklab(ground.bands)
    assert float(oklab[1:].std((1, 2)).min()) > 0.02, "colours are everywhere"
    steps = delta_e_ok(oklab[:, :, 1:], oklab[:, :, :-1])
    assert float((steps > 5).float().mean()) > 0.03 and float(steps.median()) < 1


# ── the instrument ────────────────────────────────────────────────────────────────────────────────────


def striped(period, size=256):
    """Stripes of a sine of so many pan pixels, alike in all bands."""
    wave = 0.3 + 0.1 * torch.cos(2 * torch.pi * (torch.arange(size) + 0.5) / period)
    plane = wave.expand(size, size).contiguous()
    flat = torch.zeros(size, size)
    return Ground(plane, plane.expand(8, -1, -1).contiguous(), flat, flat, (), "stripes")


def stripes_in_mul(sensor, period):
    mul = observe(striped(period), seeded(1), replace(sensor, read_noise=0.0, shot_noise=0.0))[1]
    return mul[0, 8:56, 8:56].double().flatten() / SCALE


def test_real_ringing_at_a_third_of_a_cycle_and_loss_at_half():
    """As mul of a real pair against box means of pan: a gain of 1.4 in the mean of directions, and of 0.4."""
    sensor = replace(Sensor(), haze=0.0, sway=0.0, parallax=(0.0, 0.0), displacement=(0.0, 0.0), step=1)

    def gain(period):
        means, seen = stripes_in_mul(IDEAL, period), stripes_in_mul(sensor, period)
        both = torch.stack([means, seen])
        # What follows the box means: aliased detail doesn't.
        return float(torch.cov(both)[0, 1] / means.var())

    assert gain(64.0) == pytest.approx(1.0, abs=0.1)
    assert 1.3 < gain(4 / 0.28) < 1.9
    assert gain(4 / 0.47) < 0.8


def test_pixels_of_another_pitch_come_back_where_they_belong():
    slow = striped(160.0)
    plain = observe(slow, seeded(1), IDEAL)[1].float()
    for pitch in (1.07, 1.2):
        other = observe(slow, seeded(1), replace(IDEAL, pitch=pitch))[1].float()
        assert float((other - plain).abs()[:, 4:-4, 4:-4].max()) < 25, "counts, of a swing of 2000"


def test_what_stands_out_leans_over():
    ground = striped(64.0)
    ground.height[:, 128:] = 20.0
    plain = observe(ground, seeded(1), IDEAL)[1].float()
    leaning = observe(ground, seeded(1), replace(IDEAL, parallax=(0.0, 0.02)))[1].float()
    assert float((leaning - plain)[:, :, :31].abs().max()) < 2
    assert float((leaning - plain)[:, :, 34:].abs().max()) > 20


def test_jolts_move_patches_a_lot_and_the_rest_not():
    calm = displacement_field(96, 96, replace(IDEAL, jolts=0.0), seeded(3))
    assert not bool(calm.any())
    field = displacement_field(96, 96, replace(IDEAL, jolts=0.5), seeded(3)).norm(dim=0)
    assert 0.02 < float((field > 0.5).float().mean()) < 0.3
    assert float((field < 0.05).float().mean()) > 0.6


# ── Wald's protocol ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("halved", [False, True])
def test_coarser_scenes_are_walds_protocol(halved):
    ground = some_ground("photographs")
    sensor = replace(random_sensor(seeded(2)), displacement=(0.0, 0.0), sway=0.0, jolts=0.0)
    pan, mul, bands = observe_coarser(ground, seeded(1), sensor, halved)
    side = 128 if halved else 64
    assert (
        pan.shape == (side, side)
        and mul.shape == (8, side // 4, side // 4)
        and bands.shape == (8, side, side)
    )
    torch.testing.assert_close(mul.float() / SCALE, block_mean(bands), atol=1.01 / SCALE, rtol=0)


def test_the_input_is_displaced_and_the_truth_is_not():
    ground = some_ground("photographs")
    still = replace(random_sensor(seeded(2)), displacement=(0.0, 0.0), sway=0.0, jolts=0.0)
    moved = replace(still, displacement=(0.4, 0.3))
    first, second = (observe_coarser(ground, seeded(1), sensor) for sensor in (still, moved))
    assert torch.equal(first[0], second[0]) and torch.equal(first[2], second[2])
    assert not torch.equal(first[1], second[1])


def test_truth_is_what_pans_pixels_would_see():
    """Where all bands are alike, the truth of each is pan itself, but for noise, gain and levels."""
    ground = striped(9.0)
    sensor = replace(Sensor(), haze=0.0, read_noise=0.0, shot_noise=0.0, step=1)
    pan, bands = observe(ground, seeded(1), sensor)[0].float() / SCALE, truth(ground, sensor)[1]
    torch.testing.assert_close(pan.expand_as(bands), bands, atol=1 / SCALE, rtol=0)


# ── photographs on disk ───────────────────────────────────────────────────────────────────────────────


def test_photographs_are_found_and_read(folder):
    paths = list_photographs(folder)
    assert len(paths) == 20 and list_photographs(None) == ()
    assert np.array_equal(read_photograph(paths[3]), photograph(3).numpy())


def test_training_and_judging_share_no_photograph(folder, monkeypatch):

    read = {"scene": set(), "test scene": set()}
    paths = list_photographs(folder)
    for kind, seen in read.items():
        monkeypatch.setattr(
            scenes, "read_photograph", lambda path, seen=seen: (seen.add(path), read_photograph(path))[1]
        )
        for index in range(12):
            scene_chip(77, index, 64, kind, photographs=paths, ground="photographs")
    assert read["scene"] and read["test scene"] and not read["scene"] & read["test scene"]


def test_every_kind_of_ground_can_be_asked_for(folder):
    paths = list_photographs(folder)
    for kind in GROUNDS:
        chip = scene_chip(5, 0, 64, photographs=paths, ground=kind)
        assert chip.size == (64, 64)


def test_scenes_of_photographs_are_written_and_repeatable(folder, tmp_path):
    for name in ("a", "b"):
        made = make_scenes(tmp_path / name, count=3, size=64, seed=4, photographs=folder)
        assert made.made == 3
    for n in range(3):
        assert (tmp_path / "a" / f"{n}.pt").read_bytes() == (tmp_path / "b" / f"{n}.pt").read_bytes()
    make_scenes(tmp_path / "c", count=3, size=64, seed=4)
    assert any(
        (tmp_path / "a" / f"{n}.pt").read_bytes() != (tmp_path / "c" / f"{n}.pt").read_bytes()
        for n in range(3)
    )


def test_a_folder_without_photographs_is_refused(tmp_path, folder):
    with pytest.raises(InputError, match="expected a folder of aerial photographs"):
        list_photographs(tmp_path)
    with pytest.raises(InputError, match="at least 10 photographs"):
        scene_chip(1, 1, 64, photographs=list_photographs(folder)[:1], ground="photographs")


def test_what_is_no_photograph_is_refused(tmp_path):
    bad = tmp_path / "x.png"
    bad.write_bytes(b"nothing")
    with pytest.raises(InputError, match="can't open photograph"):
        read_photograph(bad)


# ── rare things ───────────────────────────────────────────────────────────────────────────────────────


def plain_ground(size, shade=0.0):
    flat = torch.full((size, size), 0.1)
    return Ground(flat, flat.expand(8, -1, -1), 0 * flat, torch.full_like(flat, shade), (), "flat")


def test_rare_things_cover_a_tenth_and_no_two_places_have_as_many():
    ground = plain_ground(400)  # 4 hectares
    areas = []
    for seed in range(40):
        strewn = strew(ground, 25, LIFTER, seeded(seed))
        changed = (strewn.planes - ground.planes).abs().amax(0) > 1e-3
        areas.append(float(changed.float().mean()))
    assert 0.03 < sum(areas) / 40 < 0.2
    assert min(areas) < 0.2 * max(areas)
    nothing = strew(ground, 0, LIFTER, seeded(1))
    assert torch.equal(nothing.planes, ground.planes)


def test_rare_things_are_no_leaves_often_vivid_and_darker_in_shade():
    ground = plain_ground(400)
    strewn = strew(ground, 100, LIFTER, seeded(2))
    changed = (strewn.planes - ground.planes).abs().amax(0) > 0.02
    lightness, a, b = mul_to_oklab(strewn.bands)[:, changed]
    vivid = torch.hypot(a, b) > 0.1 * lightness
    assert 0.3 < float(vivid.float().mean()) < 0.9
    red, infrared = strewn.bands[4][changed], strewn.bands[6][changed]
    assert float(((infrared - red) / (infrared + red) > 0.7).float().mean()) < 0.05
    shaded = strew(plain_ground(400, shade=1.0), 100, LIFTER, seeded(2))
    assert float(shaded.pan[changed].mean()) < 0.5 * float(strewn.pan[changed].mean())


def test_rare_things_are_repeatable():
    first, again, other = (strew(plain_ground(128), 100, LIFTER, seeded(seed)).planes for seed in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_every_scene_has_rare_things(monkeypatch):
    """They are the last that is laid, whatever the ground: no dulling touches them."""
    asked = []
    monkeypatch.setattr(scenes, "strew", lambda ground, *rest: asked.append(ground.style) or ground)
    for ground in ("leaves", "land"):
        scene_chip(3, 900_000, 64, ground=ground)
    assert len(asked) == 2
