"""The command `potato train`, and the tutorial's uses of it."""

import json
import subprocess
import sys

import pytest

from training_runs import (
    PATIENCE,
    ROOT,
    SMALL,
    log_of,
    start,
    wait_for,
)

TUTORIAL = (
    "--load-epoch 63 --lr 1e-4 --chips chips7 --epoch-length 10240 --epochs 100 --test-chips chips7 "
    "--workers 5",
    "--session spaceheater --chips chips --test-chips chips --epoch-length 1024 --epochs 10 --lr 1e-4",
    "--session demo --chips chips --test-chips chips --epoch-length 1024 --epochs 10 --lr 1e-4",
)

SHORT = ("--epoch-length", 16, "--epochs", 1000, "--workers", 1)
"""Replaces options of the tutorial: the first epoch ends soon, and the last one doesn't."""


@pytest.mark.parametrize("command", TUTORIAL)
def test_commands_of_the_tutorial_run(pool, tmp_path, command):
    for name in ("chips", "chips7"):
        (tmp_path / name).symlink_to(pool)
    name = command.split()[1] if command.startswith("--session") else "potato"
    session = tmp_path / "sessions" / name
    process = start(*command.split(), *SHORT, cwd=tmp_path)
    first = "0.safetensors" if name == "demo" else "log.jsonl"
    wait_for(lambda: (session / first).exists() and (first != "log.jsonl" or log_of(session)), process)
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    warnings = [line for line in err.splitlines() if "warning" in line]
    assert len(warnings) == 1 and "12 of 12 test chips are trained on too" in warnings[0]
    if name == "potato":
        assert "starting from shipped/63: 32 × 4" in out and (session / "63.safetensors").exists()
    else:
        assert "starting from scratch" in out
    if name == "demo":
        demo = [sys.executable, ROOT / "demo.py", "--weights", "sessions/demo/0.safetensors", "--size", "256"]
        result = subprocess.run(demo, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
        assert result.returncode == 0 and "sharp.tif" in result.stdout, result.stderr


def test_train_command_trains_and_refuses(pool, tmp_path, run):
    options = ("--sessions", tmp_path, "--session", "s", *SMALL, "--epochs", 1, "--epoch-length", 8)
    result = run("train", "--scenes", 0.5, "--size", 80, "--chips", pool, *options, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["checkpoint"].endswith("0.safetensors") and facts["scores"]["test"] > 0
    assert run("train", "--load-from", "a", "--from-scratch", *options).exit_code == 1
    assert "nothing to learn from" in run("train", "--scenes", 0, *options).stderr
