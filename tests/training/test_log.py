"""The log, the curves and the pictures of a session."""

import shutil
import threading
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from potato.errors import SessionError
from potato.model.weights import load_model
from potato.training import log
from potato.training.log import Curves, Line, LogFile
from potato.training.run import train
from training_runs import log_of, train_config


def test_log_has_every_epoch_once_and_pictures_are_written(pool, tmp_path, capsys):
    plan = train_config(tmp_path, pool, test_chips=str(pool), test_length=3, epochs=1)
    train(plan)
    train(replace(plan, epochs=2))
    assert capsys.readouterr().err.count("warning: 3 of 3 test chips are trained on too") == 2
    rows = log_of(tmp_path / "s")
    ends = [row for row in rows if row["ended"]]
    assert [row["epoch"] for row in ends] == [0, 1]
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
    for row in ends:
        assert row["test"] > 0 and row["predictor"] == ends[0]["predictor"] and row["test_psnr"] > 20
    assert ends[0]["loss"] == pytest.approx(sum(r["loss"] for r in rows[:6]) / 6, rel=0.1)
    picture = (tmp_path / "s" / "pictures.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n" and len(picture) > 1000


def line(step: int, loss: float = 1.0) -> Line:
    return Line(step, 0, loss, 1e-3, 1.0, 5.0, 0)


def test_log_drops_lines_after_the_last_save(tmp_path):
    path = tmp_path / "log.jsonl"
    first = LogFile(path, 0)
    for step in range(1, 6):
        first.line(line(step))
    with path.open("a") as file:
        file.write('{"step": 6, "lo')  # cut short by a kill
    again = LogFile(path, 3)
    again.line(line(4, 2.0))
    assert [(row["step"], row["loss"]) for row in log_of(tmp_path)] == [
        (1, 1.0),
        (2, 1.0),
        (3, 1.0),
        (4, 2.0),
    ]


def test_lines_tell_how_long_the_session_takes(monkeypatch):
    monkeypatch.setattr(log, "EVERY", 0)
    lines = []
    bar = log.Bar(8, 0, range(2), lines.append, True)
    for step in range(1, 5):
        bar.step(4)
        bar.line(replace(line(step), epoch=(step - 1) // 2, ended=step % 2 == 0))
    bar.close()
    assert [text.split(":")[0] for text in lines] == ["epoch 0", "epoch 0", "epoch 1", "epoch 1"]
    assert ["the session takes about" in text for text in lines] == [True, True, True, False]


def test_the_start_and_the_best_epoch_are_told_and_kept(pool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = []
    plan = train_config(Path("sessions"), pool, test_chips=str(pool), test_length=2, epochs=3)
    done = train(plan, say=lines.append)
    best = min((row for row in log_of(done.session) if row["ended"]), key=lambda row: row["test"])
    assert (done.scores["best"], done.scores["best_epoch"]) == (best["test"], best["epoch"])
    assert done.best.read_bytes() == (done.session / f"{best['epoch']}.safetensors").read_bytes()
    assert load_model("s").digest == load_model(done.best).digest
    assert done.scores["start"] == pytest.approx(done.scores["predictor"], abs=1e-3)
    assert lines[1].startswith("epoch -1, before the first step: test ") and "potato demo -w" in lines[-2]
    lines.clear()
    # A learning rate of 0 changes nothing.
    idle = train(replace(plan, session="idle", load_from="s", lr=0.0, epochs=1), say=lines.append)
    assert idle.scores["best"] == idle.scores["start"] == idle.scores["test"] == done.scores["test"]
    assert any(text.startswith("no epoch did better than the") for text in lines)
    assert load_model("idle").digest == load_model(done.checkpoint).digest


def test_a_line_says_what_an_epoch_is_worth():
    tested = replace(line(1), test=1.1, predictor=2.0, start=1.2, best=1.1, ended=True)
    assert "0.550 × the predictor's 2.000), the best so far" in str(tested)
    assert ", worse than the 1.200 before the first step" in str(replace(tested, test=1.3))
    assert "best" not in str(replace(tested, test=1.15))


@pytest.mark.skipif(not find_spec("tensorboard"), reason="tensorboard isn't installed")
def test_curves_drop_points_after_the_last_save(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for start_, steps_, loss in ((0, range(1, 6), 1.0), (3, range(4, 5), 2.0)):
        curves = Curves(tmp_path, start_)
        for step in steps_:
            curves.line(line(step, loss))
        curves.close()
        time.sleep(1.1)  # files of events are told apart by the second
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    points = [(point.step, point.value) for point in events.Scalars("loss/train")]
    assert points == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0)]


@pytest.mark.skipif(not find_spec("tensorboard"), reason="tensorboard isn't installed")
def test_curves_that_cannot_be_written_end_the_run_in_one_line(tmp_path, monkeypatch):
    died = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: died.set())
    curves = Curves(tmp_path / "curves", 0)
    curves.pictures(1, torch.zeros(3, 8, 8))
    shutil.rmtree(tmp_path / "curves")
    told = "curves: can't write there: No such file or directory; what was saved before is intact"
    with pytest.raises(SessionError, match=told):
        for step in range(2, 9):  # it raises what its thread met some calls later
            curves.pictures(step, torch.zeros(3, 8, 8))
    with pytest.raises(SessionError, match=told):
        curves.close()
    assert died.wait(60), "TensorBoard's thread"


@pytest.mark.skipif(not find_spec("tensorboard"), reason="tensorboard isn't installed")
def test_resumed_run_continues_its_curves(pool, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    plan = train_config(tmp_path, pool, test_chips=str(pool), epochs=1, test_length=2)
    train(plan)
    train(replace(plan, epochs=2))
    events = EventAccumulator(str(tmp_path / "s" / "tensorboard"))
    events.Reload()
    assert [point.step for point in events.Scalars("loss/epoch")] == [6, 12]
    assert [point.step for point in events.Scalars("loss/train")] == list(range(1, 13))
    assert {"learning rate", "loss/test", "PSNR/test", "chips per second"} <= set(events.Tags()["scalars"])
    assert [image.step for image in events.Images("test chips")][-1] == 12
