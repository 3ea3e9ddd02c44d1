"""Fixtures of deliveries."""

import shutil

import pytest

from deliveries import deliver, write_joined_tiles
from potato.engine.executor import open_executor


@pytest.fixture(scope="module")
def ard(tmp_path_factory):
    """Two by two tiles of one ground, whose overlaps agree."""
    folder = tmp_path_factory.mktemp("source") / "event"
    write_joined_tiles(folder / "ard")
    return folder


@pytest.fixture
def inline(monkeypatch):
    """No processes: they take seconds to start."""
    monkeypatch.setattr(
        "potato.fusion.delivery.deliver.open_executor", lambda *_, **__: open_executor(kind="serial")
    )


@pytest.fixture(scope="module")
def delivered(ard, tmp_path_factory):
    """A delivery, not to be changed."""
    output = tmp_path_factory.mktemp("delivery") / "out"
    return deliver(ard, output, mosaic="cog")


@pytest.fixture
def out(delivered, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(delivered.folder, tmp_path / "out")
