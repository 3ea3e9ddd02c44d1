"""Parts of simulated land: colours, light, shapes, trees, zones and roads."""

import math
import random

import pytest
import torch

from grounds import seeded
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
from potato.simulation.land.shapes import Plot, Window, disc, rectangle
from potato.simulation.land.spectra import Palette, canopy
from potato.simulation.land.texture import clouds, smoothstep
from potato.simulation.land.trees import TreeLayer, grow
from potato.simulation.land.vehicles import CAR_COLOURS
from potato.simulation.land.zoning import (
    ZONE_SIDE,
    Zone,
    plan_homes,
    plan_main_roads,
    plan_works,
    zone_at,
)


def blank_canvas(rows: int, columns: int) -> Canvas:
    return Canvas(torch.zeros(rows, columns), Palette(), random.Random(1), seeded(1))


def test_palette_has_all_car_colours_and_mixtures_lie_between():
    palette = Palette()
    for name, share in CAR_COLOURS:
        assert palette[name].shape == (9,) and share > 0
    mixture = palette.mixture(random.Random(1), "canopy", "grass", spread=0.0)
    low, high = (
        torch.minimum(palette["canopy"], palette["grass"]),
        torch.maximum(palette["canopy"], palette["grass"]),
    )
    assert bool(((mixture >= low - 1e-6) & (mixture <= high + 1e-6)).all())


def test_canopy_is_darker_than_leaves_in_visible_light_but_not_beyond_red():
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


def grey_block(metres: float) -> Canvas:
    """A grey plain with a block in the middle."""
    canvas = blank_canvas(96, 96)
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
def test_shadow_falls_away_from_the_sun_by_the_right_length(metres):
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
    assert float(relief_factor(torch.zeros(8, 8), 1.0).std()) == 0
    assert float(relief_factor(ramp, 1.0)[5, 5]) < 1 < float(relief_factor(-ramp, 1.0)[5, 5]), (
        "the sun is in the east"
    )


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.2, 2.9])
def test_shapes_cover_their_area_and_have_coordinates_from_their_centre(angle):
    local = rectangle(Plot(50.3, 40.7, 30.0, 12.0, angle), 90, 100)
    assert float(local.cover.sum()) == pytest.approx(360, rel=0.02)
    inside = local.cover == 1
    assert float(local.u[inside].abs().max()) <= 15 and float(local.v[inside].abs().max()) <= 6
    assert float(disc(50, 40, 9.0, 90, 100).cover.sum()) == pytest.approx(math.pi * 81, rel=0.02)
    assert rectangle(Plot(-90, 40, 30, 12, angle), 90, 100) is None


def test_clouds_are_smooth_and_steps_are_bounded():
    field = clouds(100, 140, seeded(2), 20)
    assert field.shape == (100, 140)
    assert float(field.diff().abs().max()) < 0.4
    step = smoothstep(torch.tensor([-9.0, 0.25, 0.5, 9.0]), 0.0, 1.0)
    torch.testing.assert_close(step, torch.tensor([0.0, 0.15625, 0.5, 1.0]))


def test_trees_grow_only_where_the_density_allows():
    rough = torch.randn(120, 130, generator=seeded(4))
    layer = TreeLayer(16, (6.0, 14.0), (5.0, 15.0), 1.0)
    none = grow(torch.zeros(120, 130), seeded(1), layer, rough)
    assert float(none.cover.max()) == float(none.height.max()) == 0
    wood = grow(torch.ones(120, 130), seeded(1), layer, rough)
    assert float((wood.cover > 0.5).float().mean()) > 0.7
    assert float(wood.height[wood.cover > 0.5].min()) >= 5 * 0.45 and float(wood.height.max()) <= 15
    half = torch.ones(120, 130)
    half[:, 65:] = 0
    assert float(grow(half, seeded(1), layer, rough).cover[:, 65 + 18 :].max()) == 0


def test_zones_fit_together_across_strips():
    canvas = blank_canvas(300, 200)
    zones = torch.randint(0, 5, (38, 25), generator=seeded(6))
    pieces = [zone_cover(canvas, window, zones, Zone.WOOD) for window in canvas.strips()]
    whole = zone_cover(canvas, Window(0, 300, 0, 200), zones, Zone.WOOD)
    assert len(pieces) > 2
    torch.testing.assert_close(torch.cat(pieces), whole)


def test_roads_stay_in_their_zones_and_survey_measures_distance():
    zones = torch.full((60, 80), int(Zone.FIELD))
    zones[:, 40:] = int(Zone.HOMES)
    rng = random.Random(3)
    streets = plan_homes(480, 640, zones, 0.3, rng)
    assert streets and all(street.homes for street in streets)
    for street in streets:
        for x, y in street.points:
            assert zone_at(zones, x, y) in (Zone.HOMES, -1)
    assert zone_at(zones, 40 * ZONE_SIDE, 0) == Zone.HOMES and zone_at(zones, -1, 0) == -1
    works, plots = plan_works(480, 640, torch.full((60, 80), int(Zone.WORKS)), 0.3, rng)
    assert works and plots
    for plot in plots:
        assert plot.length > 20 * METRE and plot.width > 20 * METRE
    field = survey_roads(480, 640, works)
    for plot in plots:
        if 0 <= plot.y < 480 and 0 <= plot.x < 640:
            assert float(field.edge[int(plot.y), int(plot.x)]) > 10 * METRE, "no road through a plot"
    road = plan_main_roads(200, 300, 1, 0.0, rng)[0]
    field = survey_roads(200, 300, [road])
    x, y = min(road.points, key=lambda point: math.dist(point, (150, 100)))
    assert float(field.edge[int(y), int(x)]) == pytest.approx(-road.width / 2, abs=1.5)
    assert int(field.owner[int(y), int(x)]) == 0
