"""An ARD, and what `fuse_ard` made of it."""

import shutil

import pytest

from fused_ards import fuse_inline, write_joined_tiles
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
        "potato.fusion.ard.ard_run.open_executor", lambda *_, **__: open_executor(kind="serial")
    )


@pytest.fixture(scope="module")
def fused(ard, tmp_path_factory):
    """What was made of it, not to be changed."""
    output = tmp_path_factory.mktemp("fused") / "out"
    return fuse_inline(ard, output, mosaic="cog")


@pytest.fixture
def out(fused, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(fused.folder, tmp_path / "out")
