"""Several processes train one network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from training_runs import LONG, PATIENCE, ROOT, log_of


def test_two_processes_train_like_one(pool, tmp_path, uninterrupted):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(ROOT / "train.py"), "--session", "s", "--chips", str(pool), *map(str, LONG)]
    result = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("epoch 2:") == 1, "only one of them speaks"
    one, two = log_of(uninterrupted), log_of(tmp_path / "sessions" / "s")
    assert [row["step"] for row in one] == [row["step"] for row in two]
    for first, second in zip(one, two, strict=True):
        # Micro-batches of 2 in both: in later steps rounding may differ, and ReLUs amplify it.
        assert second["loss"] == pytest.approx(first["loss"], rel=1e-5 if first["step"] <= 30 else 1e-2)
        assert second["rate"] == first["rate"]


LEAVING = """
import os, torch
from potato.training.distributed import join_ranks

with join_ranks(torch.device("cpu")) as ranks:
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
    ranks.wait()
left = {open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")}
assert not [name for name in left if "gloo" in name], left
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted as Linux lists them")
def test_no_thread_outlives_join_ranks(tmp_path):
    """Threads that are left at the end can abort the process with SIGABRT."""
    (tmp_path / "leaving.py").write_text(LEAVING)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    result = subprocess.run(
        [*command, str(tmp_path / "leaving.py")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stderr
