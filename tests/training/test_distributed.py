"""Several processes train one network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from potato.training.run import train
from training_runs import PATIENCE, ROOT, SMALL, log_of, train_config

TRAIN_AND_LIST_THREADS = f"""
import os, runpy

try:
    runpy.run_path({str(ROOT / "train.py")!r}, run_name="__main__")
finally:
    if os.path.exists("/proc/self/task"):
        names = [open(f"/proc/self/task/{{task}}/comm").read() for task in os.listdir("/proc/self/task")]
        # Not on stdout, where two processes can share a line.
        with open(f"threads-{{os.environ['RANK']}}.txt", "w") as file:
            file.writelines(name for name in names if "gloo" in name)
"""


@pytest.fixture(scope="module")
def two_processes(pool, tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Two processes that trained three epochs of ten steps, and their folder."""
    folder = tmp_path_factory.mktemp("two")
    script = folder / "train_and_list_threads.py"
    script.write_text(TRAIN_AND_LIST_THREADS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", script]
    options = ("--epochs", 3, "--epoch-length", 40, "--batch-size", 4, "--micro-batch", 2, "--lr", 1e-3)
    result = subprocess.run(
        [*command, "--session", "s", "--chips", pool, *map(str, (*options, *SMALL))],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stderr
    return result, folder


def test_two_processes_train_like_one(pool, tmp_path, two_processes):
    result, folder = two_processes
    assert result.stdout.count("epoch 2:") == 1, "only one of them speaks"
    train(train_config(tmp_path, pool, epochs=3, epoch_length=40, micro_batch=2))
    one, two = log_of(tmp_path / "s"), log_of(folder / "sessions" / "s")
    assert [row["step"] for row in one] == [row["step"] for row in two]
    assert one[-1]["step"] == 30
    for first, second in zip(one, two, strict=True):
        assert second["loss"] == pytest.approx(first["loss"], rel=1e-5)
        assert second["rate"] == first["rate"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted as Linux lists them")
def test_no_thread_outlives_join_ranks(two_processes):
    """Threads that are left at the end can abort the process with SIGABRT."""
    _, folder = two_processes
    assert [(folder / f"threads-{rank}.txt").read_text() for rank in (0, 1)] == ["", ""]
