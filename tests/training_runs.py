"""Small training runs, in this process or another, and comparisons of their results."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from potato.training.config import TrainConfig
from potato.training.data import Samples, chip_paths

ROOT = Path(__file__).parents[1]

CPU = torch.device("cpu")
PATIENCE = 600
"""Seconds after which a process counts as hanging, on a busy machine too."""

SMALL = ("--width", 8, "--depth", 2, "-j", 0, "--device", "cpu")
BATCHES = ("--batch-size", 4, "--micro-batch", 2)
LONG = ("--epochs", 3, "--epoch-length", 140, *BATCHES, "--lr", 1e-3, *SMALL)
"""For runs that are ended from outside."""

WHOLE = ("--epochs", 3, "--epoch-length", 80, *BATCHES, "--lr", 1e-3, *SMALL)
"""For runs that come to their end: three epochs of 20 steps."""


def train_config(folder: Path, pool: Path | None, **more: object) -> TrainConfig:
    base = {
        "sessions": str(folder),
        "session": "s",
        "chips": None if pool is None else str(pool),
    }
    small = {"epochs": 2, "epoch_length": 24, "batch_size": 4, "width": 8, "depth": 2, "workers": 0}
    return TrainConfig(**{**base, **small, "lr": 1e-3, "device": "cpu", **more})


def samples(pool: Path, **more: object) -> Samples:
    return Samples(
        **{"paths": tuple(chip_paths(pool)), "scene_share": 0.0, "size": (80, 80), "seed": 0, **more}
    )


def start(*arguments: object, cwd: Path, **more: object) -> subprocess.Popen:
    """Start `train.py` in a new process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=cwd, env=environment, **{**pipes, **more})


def finish(*arguments: object, cwd: Path, **more: object) -> tuple[int, str, str]:
    process = start(*arguments, cwd=cwd, **more)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def wait_for(condition, process: subprocess.Popen, seconds: float = PATIENCE) -> None:
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        if process.poll() is not None:
            pytest.fail(f"ended early: {process.communicate()}")
        time.sleep(0.01)
    process.kill()
    pytest.fail("nothing came")


def state_of(session: Path) -> dict:
    return torch.load(session / "state.pt", weights_only=True)


def steps_done(session: Path) -> int:
    return state_of(session)["learner"]["step"] if (session / "state.pt").exists() else -1


def log_of(session: Path) -> list[dict]:
    """The lines of the log without times and speeds."""
    rows = [json.loads(line) for line in (session / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in ("time", "chips_per_second")} for row in rows]


def same(first: object, second: object) -> bool:
    """Whether two nested values are equal to the last bit."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second
