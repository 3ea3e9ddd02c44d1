"""Small deliveries, one of each kind, shared by the tests that only read them."""

import shutil

import pytest

from potato.deliveries.synthetic.order import make_delivery

SIZE = 160
"""Pan pixels along a side."""


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Gives the folder of a delivery, made when it is first asked for."""
    folders = {}

    def give(kind, sensor=None):
        if (kind, sensor) not in folders:
            folder = tmp_path_factory.mktemp("made") / kind
            make_delivery(kind, folder, sensor=sensor, size=SIZE)
            folders[kind, sensor] = folder
        return folders[kind, sensor]

    return give


@pytest.fixture
def copied(made, tmp_path):
    """Gives a copy of such a folder, which a test may spoil."""

    def give(kind, sensor=None):
        return shutil.copytree(made(kind, sensor), tmp_path / "copy")

    return give
