"""Fixtures that several tests share."""

import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

import pairs
from networks import random_network
from potato.cli import potato
from potato.model import weights
from potato.model.network import Sharpener
from potato.model.weights import save_model


@pytest.fixture(scope="session", autouse=True)
def _heard_interruptions() -> None:
    """Shells let their background processes ignore SIGINT, and these tests would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def pair(tmp_path: Path) -> pairs.Paths:
    """A 160 × 160 pan and its mul, all valid."""
    return pairs.write_pair(tmp_path)


@pytest.fixture(scope="session")
def network() -> Sharpener:
    """A small network with random weights that are large enough to show in the output."""
    return random_network()


@pytest.fixture
def ship(tmp_path: Path, monkeypatch):
    """Ship other weights in this test: `ship(bgrn=network, …)` puts them into the place of all."""

    def put(**networks: Sharpener) -> None:
        (tmp_path / "assets").mkdir()
        for name, network in networks.items():
            save_model(network, tmp_path / "assets" / f"{name}.safetensors")
        monkeypatch.setattr(weights, "_assets", lambda: tmp_path / "assets")

    return put


@pytest.fixture
def run():
    """Run a command in this process: `run("fuse", …)` gives exit_code, stdout and stderr."""

    def invoke(*arguments: object):
        return CliRunner().invoke(potato, [str(argument) for argument in arguments])

    return invoke
