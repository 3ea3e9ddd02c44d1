"""Clutter: how much it covers, in which colours."""

from dataclasses import replace

import torch

from grounds import LIBRARY, flat_ground, seeded
from potato.core.color import mul_to_oklab
from potato.core.sensor_table import WORKSHOP
from potato.simulation.clutter import scatter_objects


def plain_ground(size, shade=0.0):
    return replace(flat_ground(0.1, size), shade=torch.full((size, size), shade))


def test_clutter_covers_about_a_tenth_and_varies():
    ground = plain_ground(400)  # 4 hectares
    areas = []
    for seed in range(40):
        cluttered = scatter_objects(ground, 25, LIBRARY, seeded(seed))
        changed = (cluttered.planes - ground.planes).abs().amax(0) > 1e-3
        areas.append(float(changed.float().mean()))
    assert 0.03 < sum(areas) / 40 < 0.2
    assert min(areas) < 0.2 * max(areas)
    nothing = scatter_objects(ground, 0, LIBRARY, seeded(1))
    assert torch.equal(nothing.planes, ground.planes)


def test_clutter_is_never_leafy_often_saturated_and_darker_in_shade():
    ground = plain_ground(400)
    cluttered = scatter_objects(ground, 100, LIBRARY, seeded(2))
    changed = (cluttered.planes - ground.planes).abs().amax(0) > 0.02
    lightness, a, b = mul_to_oklab(cluttered.bands, WORKSHOP)[:, changed]
    saturated = torch.hypot(a, b) > 0.1 * lightness
    assert 0.3 < float(saturated.float().mean()) < 0.9
    red, infrared = cluttered.bands[4][changed], cluttered.bands[6][changed]
    assert float(((infrared - red) / (infrared + red) > 0.7).float().mean()) < 0.05
    shaded = scatter_objects(plain_ground(400, shade=1.0), 100, LIBRARY, seeded(2))
    assert float(shaded.pan[changed].mean()) < 0.5 * float(cluttered.pan[changed].mean())


def test_clutter_is_repeatable():
    first, again, other = (
        scatter_objects(plain_ground(128), 100, LIBRARY, seeded(seed)).planes for seed in (5, 5, 6)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
