"""Fixtures that several tests share."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import pairs
from potato.cli import potato
from potato.model.model import Architecture
from potato.model.network import Sharpener


@pytest.fixture
def pair(tmp_path: Path) -> pairs.Paths:
    """A 160 × 160 pan and its mul, all valid."""
    return pairs.write_pair(tmp_path)


@pytest.fixture(scope="session")
def network() -> Sharpener:
    """A small network with random weights that are large enough to show in the output."""
    torch.manual_seed(0)
    model = Sharpener(Architecture(width=8, depth=3))
    for layer in model.layers:
        torch.nn.init.normal_(layer.weight, std=0.05)
    return model.eval()


@pytest.fixture
def run():
    """Run a command in this process: `run("fuse", …)` gives exit_code, stdout and stderr."""

    def invoke(*arguments: object):
        return CliRunner().invoke(potato, [str(argument) for argument in arguments])

    return invoke
