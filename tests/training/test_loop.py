"""The loop over epochs: learning, SIGKILL and resume, interrupts, a full disk."""

import os
import resource
import signal
from dataclasses import replace

import pytest
import torch

from potato.chips.chip import Chip, load_chip, save_chip
from potato.model.network import Sharpener
from potato.model.weights import load_model
from potato.training import loop
from potato.training.data import chip_paths
from potato.training.loop import deferred_interrupts
from potato.training.run import train
from potato.training.score import score_batches
from training_runs import (
    CPU,
    LONG,
    PATIENCE,
    SMALL,
    WHOLE,
    finish,
    log_of,
    same,
    samples,
    start,
    state_of,
    steps_done,
    train_config,
    wait_for,
)


def test_training_learns_an_offset_that_the_predictor_misses(pool, tmp_path):
    """A network learns in a few steps a constant offset that the predictor misses."""
    for number, path in enumerate(chip_paths(pool)):
        chip = load_chip(path)
        lighter = chip.target + torch.tensor([600, -200, 300], dtype=torch.int16)[:, None, None]
        target = torch.where(chip.valid, lighter, torch.zeros_like(lighter))
        for folder in (tmp_path / "chips", tmp_path / "test"):
            folder.mkdir(exist_ok=True)
            save_chip(Chip(chip.pan, chip.mul, target), folder / f"{number}.pt")
    plan = train_config(
        tmp_path, tmp_path / "chips", test_chips=str(tmp_path / "test"), epoch_length=240, lr=1e-2
    )
    done = train(plan)
    assert done.scores["test"] < 0.6 * done.scores["predictor"]
    assert load_model(done.checkpoint).card["scores"] == done.scores
    network = Sharpener.of(load_model(done.checkpoint))
    score = score_batches(network, samples(pool).held_out(chip_paths(pool)), CPU)
    assert score.delta_e > done.scores["test"], "on the truth as it was, it is wrong now"


def test_resume_after_sigkill_gives_identical_weights(pool, tmp_path, uninterrupted):
    session = tmp_path / "sessions" / "s"
    command = ("--session", "s", "--chips", pool, *WHOLE, "--save-every", 0.001)
    kills = []
    for goal in (5, 25):
        process = start(*command, cwd=tmp_path)
        wait_for(lambda goal=goal: steps_done(session) >= goal, process)
        process.kill()  # SIGKILL: the process can't save
        process.communicate()
        kills.append(steps_done(session))
    assert kills == sorted(kills) and kills[-1] < 60, "it was killed before the end"
    code, out, err = finish(*command, cwd=tmp_path)
    assert code == 0, err
    assert f"going on after step {kills[-1]}" in out
    for epoch in range(3):
        name = f"{epoch}.safetensors"
        assert (session / name).read_bytes() == (uninterrupted / name).read_bytes()
    assert same(state_of(session)["learner"], state_of(uninterrupted)["learner"])
    assert log_of(session) == log_of(uninterrupted)
    assert not [
        path for path in session.iterdir() if path.name.endswith(".partial") and "state" not in path.name
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_the_current_step(pool, tmp_path, number):
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("under nohup, the run ignores it, as it should")
    session = tmp_path / "sessions" / "s"
    process = start("--session", "s", "--chips", pool, *LONG, cwd=tmp_path)
    wait_for(lambda: (session / "log.jsonl").exists() and log_of(session), process)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and "interrupted" in err
    assert steps_done(session) >= log_of(session)[-1]["step"] > 0


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="Windows has no groups of processes")
def test_signals_to_all_processes_of_a_run_save_the_current_step(pool, tmp_path):
    """As `timeout` and Slurm end a run."""
    session = tmp_path / "sessions" / "s"
    options = ("--session", "s", "--chips", pool, *LONG, "-j", 1)
    process = start(*options, cwd=tmp_path, start_new_session=True)
    wait_for(lambda: (session / "log.jsonl").exists() and log_of(session), process)
    process.terminate()
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and "interrupted" in err
    assert steps_done(session) >= log_of(session)[-1]["step"] > 0


def test_a_later_ctrl_c_acts_at_once(monkeypatch):
    with deferred_interrupts() as interrupted:
        assert not interrupted()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            assert interrupted()
        monkeypatch.setattr(loop, "AGAIN", 0.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_full_disk_ends_the_run_and_keeps_the_last_state(pool, tmp_path):
    plan = train_config(tmp_path / "sessions", pool, epochs=1)
    train(plan)
    session = tmp_path / "sessions" / "s"
    before = (session / "state.pt").read_bytes()
    limit = len(before) // 2

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = ("--session", "s", "--chips", pool, "--epoch-length", 24, "--batch-size", 4, "--lr", 1e-3)
    code, _, err = finish(*command, "--epochs", 2, *SMALL, cwd=tmp_path, preexec_fn=fill)
    assert code == 1 and "can't write there" in err and "intact" in err
    assert len(err.strip().splitlines()) == 1
    assert (session / "state.pt").read_bytes() == before
    assert not list(session.glob(".state*.partial"))
    lines = []
    assert train(replace(plan, epochs=2), say=lines.append).epochs == (0, 1)
    assert any("going on after step 6" in line for line in lines)
