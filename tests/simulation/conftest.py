"""Fixtures that tests of the simulation share."""

import pytest

import grounds
from potato.simulation.ground import Ground, make_ground


@pytest.fixture(scope="session")
def ground() -> Ground:
    """Part of a town with traffic. Tests don't change it."""
    return make_ground(320, 256, grounds.seeded(11), style="town")
