"""Synthetic ARDs for several test files."""

import pytest

from potato.ard.synthetic.builder import make_ard


@pytest.fixture(scope="session")
def walked_event(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walked") / "event"
    make_ard(folder, tiles=5, size=136)
    return folder


@pytest.fixture(scope="session")
def event(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rate") / "event"
    make_ard(folder, tiles=6, size=272)
    return folder
