"""Fixtures that several tests share."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import pairs
from networks import random_network
from potato.cli import potato
from potato.model.network import Sharpener


@pytest.fixture
def pair(tmp_path: Path) -> pairs.Paths:
    """A 160 × 160 pan and its mul, all valid."""
    return pairs.write_pair(tmp_path)


@pytest.fixture(scope="session")
def network() -> Sharpener:
    """A small network with random weights that are large enough to show in the output."""
    return random_network()


@pytest.fixture
def run():
    """Run a command in this process: `run("fuse", …)` gives exit_code, stdout and stderr."""

    def invoke(*arguments: object):
        return CliRunner().invoke(potato, [str(argument) for argument in arguments])

    return invoke
