"""Simulated ground and the instrument: laws of light, of geometry and of observation."""

import math
import random
from dataclasses import fields, replace

import pytest
import torch

from potato.core.color import mul_to_oklab, mul_to_xyz
from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.core.sensors import BANDS, FIRST_ARRAY, RATIO, SCALE, SECOND_ARRAY
from potato.simulation.artefacts import over_sharpen
from potato.simulation.ground import DARKEST, Ground, crispen, make_ground, mute, vary_foliage, warm
from potato.simulation.imager import IDEAL, Sensor, haze_of, observe, ragged_mask, random_sensor, truth
from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.cover import zone_cover
from potato.simulation.land.light import (
    SKYLIGHT,
    SUN_AZIMUTH,
    SUN_ELEVATION,
    illuminate,
    relief_factor,
    shadows,
    slope_factor,
)
from potato.simulation.land.roads import survey_roads
from potato.simulation.land.shapes import disc, rectangle
from potato.simulation.land.spectra import Palette, canopy
from potato.simulation.land.texture import clouds, smoothstep
from potato.simulation.land.trees import grow
from potato.simulation.land.vehicles import CAR_COLOURS, Mover
from potato.simulation.land.zoning import (
    STYLES,
    ZONE_CELL,
    Zone,
    plan_homes,
    plan_main_roads,
    plan_works,
    zone_at,
)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def ground() -> Ground:
    """Part of a town with traffic, built once."""
    return make_ground(320, 256, seeded(11), style="town")


def flat(value: float = 0.2, side: int = 64, movers: tuple[Mover, ...] = ()) -> Ground:
    still = torch.zeros(side, side)
    return Ground(still + value, torch.full((8, side, side), value), still, still, movers, "flat")


def car(dx: float, dy: float) -> Mover:
    """A large one: bright paint, no windows."""
    return Mover(64.0, 64.0, dx, dy, 24.0, 8.0, 0.0, torch.full((9,), 0.8), torch.zeros(9))


def centre(image: torch.Tensor, background: float) -> tuple[float, float]:
    """Row and column of the centre of what stands out, in pixels of the image."""
    weight = (image.double() - background).abs()
    rows = torch.arange(image.shape[0]).double() + 0.5
    columns = torch.arange(image.shape[1]).double() + 0.5
    total = weight.sum()
    return float((weight.sum(1) * rows).sum() / total), float((weight.sum(0) * columns).sum() / total)


# ── the ground ────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_seed_gives_the_same_ground_and_another_seed_another(ground):
    before = torch.random.get_rng_state()
    state = random.getstate()
    again = make_ground(320, 256, seeded(11), style="town")
    assert torch.equal(torch.random.get_rng_state(), before), "the global generator is left alone"
    assert random.getstate() == state
    for name in ("pan", "bands", "height", "shade"):
        assert torch.equal(getattr(ground, name), getattr(again, name)), name
    assert [(m.x, m.y, m.dx) for m in ground.movers] == [(m.x, m.y, m.dx) for m in again.movers]
    assert not torch.equal(make_ground(320, 256, seeded(12), style="town").pan, ground.pan)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_gives_possible_reflectances(style):
    made = make_ground(128, 192, seeded(3), style=style)
    assert made.style == style
    assert made.pan.shape == made.height.shape == made.shade.shape == (128, 192)
    assert made.bands.shape == (8, 128, 192)
    for image in (made.pan, made.bands):
        assert image.dtype == torch.float32 and bool(image.isfinite().all())
        assert float(image.min()) >= DARKEST and float(image.max()) <= 1.5
    assert float(made.shade.min()) >= 0 and float(made.shade.max()) <= 1
    assert float(made.height.min()) >= 0 and float(made.height.max()) < 30


def test_left_to_chance_the_style_varies():
    assert len({make_ground(64, 64, seeded(seed)).style for seed in range(8)}) > 1


@pytest.mark.parametrize(("size", "found"), [((60, 64), "60"), ((64, 66), "66"), ((0, 64), "0")])
def test_sizes_off_the_grid_are_refused(size, found):
    with pytest.raises(ValueError, match=rf"multiples of 4.*{found}"):
        make_ground(*size, seeded(1))


def test_a_style_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"suburb.*moon"):
        make_ground(64, 64, seeded(1), style="moon")


def test_statistics_are_those_of_real_scenes():
    """Real ones: median pan about 0.1, of which the bands explain more than 9 tenths; NIR above red."""
    made = make_ground(512, 512, seeded(21), style="suburb")
    assert 0.05 < float(made.pan.median()) < 0.18
    assert float(made.bands[BANDS.index("nir1")].median()) > 1.5 * float(
        made.bands[BANDS.index("red")].median()
    )
    bands, pan = block_mean(made.bands).double().flatten(1).T, block_mean(made.pan).double().flatten()
    design = torch.cat([bands, torch.ones(len(bands), 1, dtype=torch.float64)], 1)
    left = pan - design @ torch.linalg.lstsq(design, pan[:, None]).solution[:, 0]
    assert float(1 - left.var() / pan.var()) > 0.9


def test_the_palette_names_all_that_the_scenes_use():
    palette = Palette()
    for name, share in CAR_COLOURS:
        assert palette[name].shape == (9,) and share > 0
    mixture = palette.mixture(random.Random(1), "canopy", "grass", spread=0.0)
    low, high = (
        torch.minimum(palette["canopy"], palette["grass"]),
        torch.maximum(palette["canopy"], palette["grass"]),
    )
    assert bool(((mixture >= low - 1e-6) & (mixture <= high + 1e-6)).all())


def test_the_number_of_threads_changes_nothing_and_is_left_as_it_was(ground):
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert torch.equal(make_ground(320, 256, seeded(11), style="town").bands, ground.bands)
        assert torch.get_num_threads() == threads + 1
        with pytest.raises(ValueError, match="sides"):
            make_ground(3, 3, seeded(1))
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)


# ── light ─────────────────────────────────────────────────────────────────────────────────────────────


def grey_block(metres: float) -> Canvas:
    """A grey plain with a block in the middle."""
    canvas = Canvas(96, 96, torch.zeros(96, 96))
    canvas.planes += 0.3
    canvas.height[44:52, 44:52] = metres
    return canvas


def test_shadow_is_darker_and_bluer():
    canvas = grey_block(10.0)
    shade = illuminate(canvas)
    lit, dark = canvas.planes[:, shade == 0].amax(1), canvas.planes[:, shade == 1].mean(1)
    share = dark / lit
    assert bool(((share > 0.05) & (share < 0.3)).all())
    assert bool((share[1:].diff() < 0).all()), "the shorter the wavelength, the more skylight"
    assert 0.1 < float(share[0]) < 0.25
    torch.testing.assert_close(lit, torch.full((9,), 0.3))
    assert SKYLIGHT[1] > SKYLIGHT[3] > SKYLIGHT[8]


@pytest.mark.parametrize("metres", [5.0, 10.0])
def test_a_shadow_falls_away_from_the_sun_as_far_as_it_should(metres):
    shade = shadows(grey_block(metres).height)
    away = -math.sin(SUN_AZIMUTH), math.cos(SUN_AZIMUTH)
    length = metres / math.tan(SUN_ELEVATION) * METRE
    for way, expected in ((0.3, 1.0), (0.6, 1.0), (1.25, 0.0)):
        # From the middle of the block, whose edge lies some 5 pixels out in this direction.
        x, y = (48 + direction * (5 + way * length) for direction in away)
        assert float(shade[int(y), int(x)]) == pytest.approx(expected, abs=0.05), way
    assert float(shade[60:, 60:].max()) == 0, "nothing on the side of the sun"
    assert float(shade[46:50, 46:50].max()) == 0, "nothing on top"


def test_slopes_that_face_the_sun_are_brighter():
    towards = math.atan2(-math.cos(SUN_AZIMUTH), math.sin(SUN_AZIMUTH))
    assert slope_factor(0.0, 1.0) == pytest.approx(1)
    assert slope_factor(0.5, towards) > 1.1 > 0.75 > slope_factor(0.5, towards + math.pi)
    # A surface square to the sun takes the most: 1 / sin(elevation).
    assert slope_factor(math.pi / 2 - SUN_ELEVATION, towards) == pytest.approx(1 / math.sin(SUN_ELEVATION))
    ramp = torch.arange(20.0)[None, :].expand(20, 20) / METRE
    assert float(relief_factor(torch.zeros(8, 8)).std()) == 0
    assert float(relief_factor(ramp)[5, 5]) < 1 < float(relief_factor(-ramp)[5, 5]), "the sun is in the east"


# ── shapes, noise, plans ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.2, 2.9])
def test_shapes_cover_their_area_and_know_their_coordinates(angle):
    local = rectangle(50.3, 40.7, 30.0, 12.0, angle, 90, 100)
    assert float(local.cover.sum()) == pytest.approx(360, rel=0.02)
    inside = local.cover == 1
    assert float(local.u[inside].abs().max()) <= 15 and float(local.v[inside].abs().max()) <= 6
    assert float(disc(50, 40, 9.0, 90, 100).cover.sum()) == pytest.approx(math.pi * 81, rel=0.02)
    assert rectangle(-90, 40, 30, 12, angle, 90, 100) is None


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_noise_follows_its_power_law(exponent):
    noise = power_noise(128, 128, seeded(5), exponent)
    assert float(noise.mean()) == pytest.approx(0, abs=1e-3) and float(noise.std()) == pytest.approx(
        1, abs=1e-3
    )
    power = torch.fft.rfft2(noise).abs() ** 2
    frequency = torch.hypot(torch.fft.fftfreq(128)[:, None], torch.fft.rfftfreq(128)[None, :])
    low, high = ((frequency > f) & (frequency < 1.5 * f) for f in (0.04, 0.2))
    slope = torch.log(power[low].mean() / power[high].mean()) / math.log(0.2 / 0.04) / 2
    assert float(slope) == pytest.approx(exponent, abs=0.2)


def test_clouds_are_smooth_and_steps_are_bounded():
    field = clouds(100, 140, seeded(2), 20)
    assert field.shape == (100, 140)
    assert float(field.diff().abs().max()) < 0.4
    step = smoothstep(torch.tensor([-9.0, 0.25, 0.5, 9.0]), 0.0, 1.0)
    torch.testing.assert_close(step, torch.tensor([0.0, 0.15625, 0.5, 1.0]))


def test_trees_grow_where_they_may():
    rough = torch.randn(120, 130, generator=seeded(4))
    size = {"cell": 16, "radius": (6.0, 14.0), "metres": (5.0, 15.0), "rough": rough}
    none = grow(torch.zeros(120, 130), seeded(1), **size)
    assert float(none.cover.max()) == float(none.height.max()) == 0
    wood = grow(torch.ones(120, 130), seeded(1), **size)
    assert float((wood.cover > 0.5).float().mean()) > 0.7
    assert float(wood.height[wood.cover > 0.5].min()) >= 5 * 0.45 and float(wood.height.max()) <= 15
    half = torch.ones(120, 130)
    half[:, 65:] = 0
    assert float(grow(half, seeded(1), **size).cover[:, 65 + 18 :].max()) == 0


def test_zones_fit_together_across_bands():
    canvas = Canvas(300, 200, torch.zeros(300, 200))
    zones = torch.randint(0, 5, (38, 25), generator=seeded(6))
    pieces = [zone_cover(canvas, window, zones, Zone.WOOD) for window in canvas.bands()]
    whole = zone_cover(canvas, canvas.whole, zones, Zone.WOOD)
    assert len(pieces) > 2
    torch.testing.assert_close(torch.cat(pieces), whole)


def test_roads_stay_in_their_zones_and_know_the_distance():
    zones = torch.full((60, 80), int(Zone.FIELD))
    zones[:, 40:] = int(Zone.HOMES)
    dice = random.Random(3)
    streets = plan_homes(480, 640, zones, 0.3, dice)
    assert streets and all(street.homes for street in streets)
    for street in streets:
        for x, y in street.points:
            assert zone_at(zones, x, y) in (Zone.HOMES, -1)
    assert zone_at(zones, 40 * ZONE_CELL, 0) == Zone.HOMES and zone_at(zones, -1, 0) == -1
    works, plots = plan_works(480, 640, torch.full((60, 80), int(Zone.WORKS)), 0.3, dice)
    assert works and plots
    for plot in plots:
        assert plot.length > 20 * METRE and plot.width > 20 * METRE
    field = survey_roads(480, 640, works)
    for plot in plots:
        if 0 <= plot.y < 480 and 0 <= plot.x < 640:
            assert float(field.edge[int(plot.y), int(plot.x)]) > 10 * METRE, "no road through a plot"
    road = plan_main_roads(200, 300, 1, 0.0, dice)[0]
    field = survey_roads(200, 300, [road])
    x, y = min(road.points, key=lambda point: math.dist(point, (150, 100)))
    assert float(field.edge[int(y), int(x)]) == pytest.approx(-road.width / 2, abs=1.5)
    assert int(field.owner[int(y), int(x)]) == 0


# ── the instrument ────────────────────────────────────────────────────────────────────────────────────


def test_ideal_mul_is_the_box_mean_of_the_bands(ground):
    pan, mul = observe(ground, seeded(1), IDEAL)
    assert pan.dtype == mul.dtype == torch.uint16
    assert pan.shape == (320, 256) and mul.shape == (8, 80, 64)
    sharp, bands = truth(ground, IDEAL)
    # Half a count of rounding, and float32.
    torch.testing.assert_close(mul.float() / SCALE, block_mean(bands), atol=0.55 / SCALE, rtol=0)
    torch.testing.assert_close(pan.float() / SCALE, sharp, atol=0.51 / SCALE, rtol=0)


def test_observation_is_repeatable_and_leaves_the_ground_alone(ground):
    pan, bands = ground.pan.clone(), ground.bands.clone()
    first, second = observe(ground, seeded(2)), observe(ground, seeded(2))
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert torch.equal(ground.pan, pan) and torch.equal(ground.bands, bands)
    assert not torch.equal(observe(ground, seeded(3))[1], first[1])
    assert int(first[0].int().min()) >= 1 and int(first[1].int().min()) >= 1


OTHER = {
    "pan_blur": 0.9,
    "pan_sharpening": 1.0,
    "mul_blur": 0.6,
    "blur_factors": (1.0, 1.2, 0.8, 1.0, 1.1, 1.0, 0.9, 1.0),
    "sharpening": 0.0,
    "fine_sharpening": 0.0,
    "pitch": 1.3,
    "phase": (0.8, 0.1),
    "displacement": (-0.2, 0.3),
    "sway": 0.2,
    "jolts": 0.5,
    "parallax": (0.01, -0.02),
    "lag": 0.0,
    "haze": 0.05,
    "haze_slope": 0.5,
    "haze_factors": (1.0, 1.2, 0.8, 1.0, 1.1, 1.0, 0.9, 1.0),
    "haze_beyond_red": 0.3,
    "pan_haze": 0.3,
    "pan_gain": 1.1,
    "read_noise": 3e-3,
    "shot_noise": 3e-5,
    "step": 16,
}


@pytest.mark.parametrize("option", [field.name for field in fields(Sensor)])
def test_every_option_of_the_sensor_changes_what_it_should(ground, option):
    assert ground.movers, "the traffic is there to be frozen"
    plain = observe(ground, seeded(4), Sensor())
    other = observe(ground, seeded(4), replace(Sensor(), **{option: OTHER[option]}))
    pan_only = {"pan_blur", "pan_sharpening", "pan_gain", "pan_haze", "phase"}
    mul_only = {"mul_blur", "blur_factors", "sharpening", "fine_sharpening"}
    mul_only |= {"displacement", "sway", "jolts", "parallax", "lag", "haze_factors", "haze_beyond_red"}
    assert torch.equal(plain[0], other[0]) == (option in mul_only)
    assert torch.equal(plain[1], other[1]) == (option in pan_only)


def test_flat_ground_stays_flat_at_any_blur_and_shift():
    sensor = replace(
        IDEAL,
        pan_blur=0.7,
        mul_blur=0.5,
        sharpening=0.9,
        fine_sharpening=1.5,
        pan_sharpening=0.4,
        displacement=(0.31, -0.22),
    )
    pan, mul = observe(flat(0.2), seeded(1), sensor)
    assert {*pan.flatten().tolist(), *mul.flatten().tolist()} == {2000}


@pytest.mark.parametrize("blur", [0.0, 0.35])
def test_the_arrays_are_apart_by_the_displacement_and_pan_lies_between(blur):
    still = flat(0.1, 128)
    still.bands[:, 60:68, 56:72] = 0.9
    still.pan[60:68, 56:72] = 0.9
    displacement = (0.3, -0.17)
    pan, mul = observe(
        still, seeded(1), replace(IDEAL, mul_blur=blur, pan_blur=blur, displacement=displacement)
    )
    seen = {name: centre(mul[k], 1000) for k, name in enumerate(BANDS)}
    middle = tuple(value / RATIO for value in centre(pan, 1000))
    for name in BANDS:
        side = -0.5 if name in FIRST_ARRAY else 0.5
        for axis in (0, 1):
            assert seen[name][axis] == pytest.approx(middle[axis] + side * displacement[axis], abs=0.01)


def test_a_moving_car_is_seen_at_three_places():
    moving = flat(0.1, 128, (car(6.0, -3.0),))
    pan, mul = observe(moving, seeded(1), replace(IDEAL, lag=1.0))
    row, column = centre(pan, 1000)
    assert (row, column) == pytest.approx((64, 64), abs=0.05)
    for names, way in ((FIRST_ARRAY, -1), (SECOND_ARRAY, 1)):
        for name in names:
            seen = [RATIO * value for value in centre(mul[BANDS.index(name)], 1000)]
            assert seen == pytest.approx([64 - 3 * way, 64 + 6 * way], abs=0.05)
    _, frozen = observe(moving, seeded(1), IDEAL)
    assert torch.equal(frozen[0], frozen[1]), "without lag all bands see one place"
    assert centre(truth(moving)[1][0], 0.1) == pytest.approx((64, 64), abs=0.05)


def test_haze_is_added_to_what_is_seen_and_to_the_truth():
    sensor = replace(IDEAL, haze=0.04)
    haze = haze_of(sensor)
    moving = flat(0.1, 128, (car(0.0, 0.0),))
    _pan, mul = observe(moving, seeded(1), sensor)
    sharp, bands = truth(moving, sensor)
    assert float(sharp[0, 0]) == pytest.approx(0.1 + haze[0])
    assert float(sharp[64, 64]) == pytest.approx(0.8 + haze[0])
    assert haze[1] == 0.04 and list(haze[1:]) == sorted(haze[1:], reverse=True), "most in the blue"
    for k in range(8):
        assert float(bands[k, 0, 0]) == pytest.approx(0.1 + haze[k + 1])
        assert int(mul[k, 0, 0]) == pytest.approx(SCALE * (0.1 + haze[k + 1]), abs=0.51)


@pytest.mark.parametrize("value", [0.02, 0.4])
def test_noise_has_the_variance_that_the_sensor_says(value):
    read, shot = 1e-3, 2e-5
    sensor = replace(IDEAL, read_noise=read, shot_noise=shot)
    pan, mul = observe(flat(value, 256), seeded(7), sensor)
    # 1/12 of a squared count is rounding.
    expected = (read**2 + shot * value) * SCALE**2 + 1 / 12
    assert float(pan.double().var()) == pytest.approx(expected, rel=0.03)
    quarter = (read**2 + shot * value) / 4 * SCALE**2 + 1 / 12
    assert float(mul.double().var()) == pytest.approx(quarter, rel=0.03)
    assert float(pan.double().mean()) == pytest.approx(value * SCALE, rel=0.01)


def test_sharpening_rings_and_keeps_the_mean():
    edge = flat(0.1, 128)
    edge.bands[:, :, 64:] = 0.5
    soft = observe(edge, seeded(1), replace(IDEAL, mul_blur=0.35))[1].double()
    ringing = observe(edge, seeded(1), replace(IDEAL, mul_blur=0.35, sharpening=1.0))[1].double()
    assert float(ringing.max()) > float(soft.max()) + 100 and float(ringing.min()) < float(soft.min()) - 100
    assert float(ringing.mean()) == pytest.approx(float(soft.mean()), rel=1e-3)


def test_fine_sharpening_leaves_broad_waves_alone():
    # Along a wave of frequency f the binomial blur leaves cos²(π f): `amount` adds what it takes, 1 − cos²;
    # `fine` the square of that.
    columns = torch.arange(64.0) + 0.5
    for frequency in (1 / 16, 1 / 4):
        wave = torch.cos(2 * torch.pi * frequency * columns).expand(1, 64, 64)
        taken = math.sin(math.pi * frequency) ** 2
        inner = (0, slice(4, -4), slice(4, -4))
        assert torch.allclose(over_sharpen(wave, 0.7)[inner], (1 + 0.7 * taken) * wave[inner], atol=1e-5)
        fine = over_sharpen(wave, 0.7, 1.6)[inner]
        assert torch.allclose(fine, (1 + 0.7 * taken + 1.6 * taken**2) * wave[inner], atol=1e-5)


def test_each_band_has_a_point_spread_of_its_own():
    spot = flat(0.1, 64)
    spot.bands[:, 30:34, 30:34] = 0.9
    factors = (0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7, 1.9)
    mul = observe(spot, seeded(1), replace(IDEAL, mul_blur=0.4, blur_factors=factors))[1].int()
    peaks = mul.amax((1, 2)).tolist()
    assert peaks == sorted(peaks, reverse=True) and len(set(peaks)) == len(BANDS)


def test_crispened_ground_has_steeper_edges_and_the_same_colours(ground):
    crisp = crispen(ground, 0.5)
    assert torch.equal(crispen(ground, 0.0).bands, ground.bands)
    for before, after in ((ground.pan, crisp.pan), *zip(ground.bands, crisp.bands, strict=True)):
        assert float(after.mean()) == pytest.approx(float(before.mean()), rel=0.02)
        assert 1.2 < float(after.diff(dim=1).abs().mean() / before.diff(dim=1).abs().mean()) < 2
    even = replace(ground, pan=torch.full_like(ground.pan, 0.2), bands=torch.full_like(ground.bands, 0.3))
    torch.testing.assert_close(crispen(even, 0.5).bands, even.bands)


def leafiness(bands: torch.Tensor) -> torch.Tensor:
    """NDVI (h, w) of bands (8, h, w)."""
    return (bands[6] - bands[4]) / (bands[6] + bands[4])


def test_muted_ground_is_as_light_and_nearer_to_one_spectrum_but_for_leaves(ground):
    spectrum = torch.linspace(0.1, 0.5, 9)
    for colourfulness in (0.0, 0.4, 1.0):
        muted = mute(ground, colourfulness, spectrum)
        inside = (ground.bands < 0.5).all(0) & (ground.bands > 0.01).all(0)
        before, after = mul_to_xyz(ground.bands)[1], mul_to_xyz(muted.bands)[1]
        assert torch.allclose(after[inside], before[inside], rtol=1e-4)
        leaves = leafiness(ground.bands)
        green = inside & (leaves > 0.7)
        assert green.any() and torch.allclose(muted.bands[:, green], ground.bands[:, green], rtol=1e-5)
        inside &= leaves < 0.4
        one = torch.cat([muted.pan[None], muted.bands])[:, inside] / after[inside]
        other = torch.cat([ground.pan[None], ground.bands])[:, inside] / before[inside]
        goal = spectrum / mul_to_xyz(spectrum[1:, None, None])[1, 0, 0]
        expected = colourfulness * other + (1 - colourfulness) * goal[:, None]
        assert torch.allclose(one, expected, rtol=1e-3, atol=1e-4)
    assert torch.equal(mute(ground, 1.0, spectrum).height, ground.height)


def test_foliage_varies_beyond_red_alone_and_what_is_no_leaf_stays(ground):
    varied = vary_foliage(ground, 0.3, 0.0, 0.4, seeded(1))
    leaves = leafiness(ground.bands) > 0.75
    other = leafiness(ground.bands) < 0.4
    assert float(leaves.float().mean()) > 0.02 and float(other.float().mean()) > 0.2
    for before, after in ((ground.pan[None], varied.pan[None]), (ground.bands, varied.bands)):
        torch.testing.assert_close(after[:, other], before[:, other])
    # Visible light falls by the same share everywhere, what lies beyond red by none on the whole.
    ratio = varied.bands[:, leaves] / ground.bands[:, leaves]
    inside = ground.bands[:5, leaves].amin(0) > 2 * DARKEST
    torch.testing.assert_close(ratio[:5, inside], torch.full_like(ratio[:5, inside], 0.6))
    spread = ratio[6].log()
    assert abs(float(spread.mean())) < 0.15 and 0.2 < float(spread.std()) < 0.45
    # Pan moves between the two.
    pan = (varied.pan / ground.pan)[leaves]
    assert 0.6 < float(pan.mean()) < 1 and float(torch.corrcoef(torch.stack([pan, ratio[6]]))[0, 1]) > 0.8


def test_even_foliage_has_less_shade_beyond_red(ground):
    leaves = leafiness(ground.bands) > 0.75
    light, shade = (mul_to_xyz(ground.bands)[1].log()[leaves], ground.bands[6].log()[leaves])

    def slope(beyond: torch.Tensor) -> float:
        return float(torch.cov(torch.stack([light, beyond]))[0, 1] / light.var())

    even = vary_foliage(ground, 0.0, 0.5, 0.0, seeded(1)).bands[6].log()[leaves]
    assert slope(even) == pytest.approx(slope(shade) - 0.5, abs=0.1)


def test_canopies_are_darker_than_leaves_in_visible_light_but_not_beyond_red():
    leaf = torch.tensor([0.09, 0.02, 0.025, 0.06, 0.04, 0.03, 0.2, 0.45, 0.45])[:, None]
    assert torch.equal(canopy(leaf, 0.0), 2 * leaf)
    dense = canopy(leaf, 0.7)
    # By the formula: 0.06 (1 − 0.7) / (1 − 0.7 × 0.06 × 2) × 2, and so on.
    assert float(dense[3]) == pytest.approx(0.12 * 0.3 / (1 - 0.7 * 0.12), rel=1e-5)
    assert float(dense[7]) == pytest.approx(0.9 * 0.3 / (1 - 0.7 * 0.9), rel=1e-5)
    assert bool((dense[1:6] < 0.7 * leaf[1:6]).all()) and float(dense[7]) > 1.5 * float(leaf[7])
    # Pan sees both.
    kept = (dense / leaf)[:, 0]
    assert float(kept[1:6].mean()) < float(kept[0]) < float(kept[6])


def test_warm_ground_is_redder_where_it_is_brighter(ground):
    """As `WARMTH` has it: Oklab's a grows by 0.04 of L, b by 0.07, beyond what the ground itself does."""

    def slopes(one: Ground) -> torch.Tensor:
        oklab = mul_to_oklab(one.bands).flatten(1)
        oklab = oklab - oklab.mean(1, keepdim=True)
        return (oklab[1:] @ oklab[0]) / (oklab[0] @ oklab[0])

    grey = replace(ground, bands=ground.pan.expand(len(BANDS), -1, -1).clone())
    torch.testing.assert_close(slopes(warm(grey, 1.0)), torch.tensor([0.04, 0.07]), atol=0.01, rtol=0)
    assert bool((slopes(warm(ground, 0.5)) > slopes(ground)).all())
    cooled = warm(warm(ground, 0.3), -0.3)
    inside = (ground.bands < 1).all(0) & (ground.bands > 0.01).all(0)
    assert torch.allclose(cooled.bands[:, inside], ground.bands[:, inside], rtol=0.02), "and back"


def test_larger_pixels_soften_pan_as_they_do_mul():
    """Resampled from pixels larger than the grid's, the finest detail is gone, and broad waves stay."""
    columns = torch.arange(128.0)
    for period, kept in ((2.2, (0.0, 0.4)), (32.0, (0.93, 1.01))):
        ground = flat(0.2, 128)
        wave = 0.1 * torch.cos(2 * math.pi * columns / period).expand(128, 128)
        ground = replace(ground, pan=ground.pan + wave)
        sensor = replace(IDEAL, pitch=1.25)
        pan = observe(ground, seeded(1), sensor)[0].float()[16:-16, 16:-16] / SCALE
        assert kept[0] <= float(pan.std() / wave.std()) <= kept[1], period


def test_steps_of_the_converter():
    pan, _ = observe(make_ground(64, 64, seeded(1)), seeded(1), replace(IDEAL, step=5))
    levels = {value for value in pan.flatten().tolist() if value > 1}
    assert len(levels) > 20 and all(level % 5 == 0 for level in levels)


def test_a_random_sensor_varies_and_is_possible():
    looks = [random_sensor(seeded(seed)) for seed in range(50)]
    for name in OTHER:
        values = {getattr(look, name) for look in looks}
        assert len(values) > 10 or name in ("lag", "step"), name
    assert all(
        look.sharpening >= 0 and look.pan_sharpening >= 0 and -0.01 <= look.haze <= 0.06 for look in looks
    )
    assert random_sensor(seeded(1), Sensor(step=9)).step == 9
    assert random_sensor(seeded(1)) == random_sensor(seeded(1))


# ── the ragged edge ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_a_ragged_edge_takes_its_share(share):
    valid = ragged_mask(160, 240, seeded(8), share)
    assert valid.dtype == torch.bool and valid.shape == (160, 240)
    assert float((~valid).float().mean()) == pytest.approx(share, abs=1e-3)
    assert torch.equal(valid, ragged_mask(160, 240, seeded(8), share))


def test_a_ragged_edge_is_one_slanting_jagged_border():
    for seed in range(6):
        valid = ragged_mask(200, 200, seeded(seed), 0.3)
        changes = (valid[:, 1:] != valid[:, :-1]).sum(1).double()
        across = (valid[1:] != valid[:-1]).sum(0).double()
        # One border crossed about once by most lines of one direction, with a little fraying.
        crossed = max(float((changes >= 1).double().mean()), float((across >= 1).double().mean()))
        assert crossed > 0.4
        assert float(changes.sum() + across.sum()) > 250, "jagged"
        assert float(changes.mean()) < 8, "not confetti"
        corners = [bool(valid[row, column]) for row in (0, -1) for column in (0, -1)]
        assert not all(corners) and any(corners)


def test_a_share_of_more_than_all_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.1.*1\.5"):
        ragged_mask(64, 64, seeded(1), 1.5)
