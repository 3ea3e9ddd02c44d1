"""Fixtures of the training tests."""

from pathlib import Path

import pytest
import torch

from potato.chips.scenes import make_scenes
from training_runs import WHOLE, finish


@pytest.fixture(scope="session")
def pool(tmp_path_factory) -> Path:
    """12 chips of simulated scenes, 80 pixels wide."""
    folder = tmp_path_factory.mktemp("pool")
    make_scenes(folder, count=12, seed=1, size=80)
    return folder


@pytest.fixture(autouse=True)
def one_thread():
    """One thread of torch, which is faster on tiny tensors."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def uninterrupted(pool, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    code, _, err = finish("--session", "s", "--chips", pool, *WHOLE, cwd=folder)
    assert code == 0, err
    return folder / "sessions" / "s"
