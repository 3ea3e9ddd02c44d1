"""Sessions: their start, how they go on, and the changes that they refuse."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from potato.chips.chip import save_chip
from potato.chips.scenes import scene_chip
from potato.errors import SessionError
from potato.model.model import Architecture
from potato.model.network import sharpen
from potato.model.weights import load_model
from potato.training.checkpoints import SHIPPED_EPOCH, Session
from potato.training.config import LATER, OLD_NAMES
from potato.training.data import chip_paths
from potato.training.run import train
from training_runs import CPU, samples, state_of, train_config


@pytest.fixture(scope="module")
def finished(pool, tmp_path_factory):
    """The folder of a finished session "s", not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    train(train_config(folder, pool))
    return folder


def test_finished_session_continues_only_for_more_epochs(pool, finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    lines = []
    plan = train_config(tmp_path, pool)
    digest = load_model(tmp_path / "s" / "1.safetensors").digest
    assert train(plan, say=lines.append).steps == 12
    assert any("finished after 2 epochs" in line for line in lines)
    assert load_model(tmp_path / "s" / "1.safetensors").digest == digest
    more = train(replace(plan, epochs=3))
    assert more.epochs == (0, 1, 2) and more.steps == 18


def test_checkpoint_has_a_card_and_loads(pool, tmp_path):
    done = train(train_config(tmp_path, pool, seed=5))
    card = load_model(done.checkpoint).card
    assert card["name"] == "s/1" and card["epoch"] == 1 and card["chips_seen"] == 48
    assert card["settings"]["seed"] == 5 and card["data"] and card["code"]
    assert load_model(done.checkpoint).architecture == Architecture(8, 2, mul_sharpness=True)
    latest = load_model(tmp_path / "s" / "latest.safetensors")
    assert latest.digest == load_model(done.checkpoint).digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 1e-2}, "--lr 0.001, not 0.01"),
        ({"batch_size": 8}, "--batch-size 4, not 8"),
        ({"scenes": 0.5}, "--scenes None, not 0.5"),
        ({"width": 16}, "8 × 2, found --width 16"),
        ({"load_epoch": SHIPPED_EPOCH}, "started from scratch"),
        ({"load_from": "other/3"}, "started from scratch"),
    ],
)
def test_session_refuses_options_other_than_it_began_with(pool, finished, change, message):
    before = (finished / "s" / "state.pt").read_bytes()
    with pytest.raises(SessionError, match=message):
        train(replace(train_config(finished, pool), **change))
    assert (finished / "s" / "state.pt").read_bytes() == before


def test_session_goes_on_with_other_options_that_do_not_shape_the_weights(pool, finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    plan = train_config(tmp_path, pool)
    free = replace(plan, epochs=3, micro_batch=1, save_every=1.0, from_scratch=True, width=None, depth=None)
    assert train(free).steps == 18


def test_session_refuses_changed_chips(pool, tmp_path):
    chips = tmp_path / "chips"
    shutil.copytree(pool, chips)
    plan = train_config(tmp_path, chips)
    train(plan)
    save_chip(scene_chip(9, 9, 80), chips / "0.pt")
    with pytest.raises(SessionError, match=r"chips aren't those.*--load-from s"):
        train(plan)


def test_session_of_version_0_1_resumes_to_identical_weights(pool, tmp_path):
    """Version 0.1 wrote five options and the averaged weights under other names, and lacked two."""
    plan = train_config(tmp_path, pool, epochs=1, fringe_weight=1.0, ghost_weight=2.0)
    for name in ("new", "old"):
        train(replace(plan, session=name))
    content = state_of(tmp_path / "old")
    names = {new: old for old, new in OLD_NAMES.items()}
    saved = {name: value for name, value in json.loads(content["settings"]).items() if name not in LATER}
    content["settings"] = json.dumps({names.get(name, name): value for name, value in saved.items()})
    content["learner"]["mean"] = content["learner"].pop("ema")
    assert "strays" in content["settings"] and "ghost" not in content["settings"]
    torch.save(content, tmp_path / "old" / "state.pt")
    with pytest.raises(SessionError, match=r"--ghost-weight 2\.0, not 3\.0"):
        train(replace(plan, session="old", ghost_weight=3.0))
    with pytest.raises(SessionError, match=r"--caution-weight 0\.0, not 1\.0"):
        train(replace(plan, session="old", caution_weight=1.0))
    new, old = (train(replace(plan, session=name, epochs=2)).checkpoint for name in ("new", "old"))
    assert load_model(old).digest == load_model(new).digest


@pytest.mark.parametrize("damage", [b"", b"no state", None])
def test_damaged_state_is_refused_in_one_line(pool, finished, tmp_path, damage):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    plan = train_config(tmp_path, pool)
    path = tmp_path / "s" / "state.pt"
    path.write_bytes(path.read_bytes()[:2000] if damage is None else damage)
    with pytest.raises(SessionError, match=r"state\.pt: expected the state of a session.*--load-from s"):
        train(plan)
    branch = train(replace(plan, session="t", load_from="s", epochs=1))
    assert branch.epochs == (1, 2)


def test_session_is_locked_for_other_processes(pool, tmp_path):
    with Session(tmp_path / "s").open(), pytest.raises(SessionError, match="another process"):
        train(train_config(tmp_path, pool))
    assert train(train_config(tmp_path, pool)).steps == 12


def test_load_from_starts_at_the_weights_of_another_session(pool, finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    plan = train_config(tmp_path, pool)
    branch = replace(plan, session="t", load_from="s/0", width=None, depth=None, lr=1e-4, epochs=1)
    done = train(branch)
    assert done.epochs == (0, 1)
    first, second = (load_model(tmp_path / name / "0.safetensors") for name in "st")
    assert first.digest == second.digest
    assert load_model(done.checkpoint).card["origin"] == "s/0"
    assert train(replace(branch, epochs=2)).epochs == (0, 1, 2), "the same command goes on"
    assert train(replace(branch, epochs=2, load_from=None)).steps == 12, "and so it does without its origin"
    assert train(replace(branch, session="u", load_from="s")).epochs == (1, 2), (
        "the last one without a number"
    )
    for wrong in ("s/7", "nothing", "nothing/0"):
        with pytest.raises(SessionError, match=r"expected a session with (epoch|a finished epoch)"):
            train(replace(branch, session="v", load_from=wrong))
    with pytest.raises(SessionError, match="network of 8 × 2"):
        train(replace(branch, session="v", width=16))


def test_load_epoch_starts_at_the_shipped_weights_and_number(pool, tmp_path):
    done = train(train_config(tmp_path, pool, load_epoch=SHIPPED_EPOCH, epochs=1, width=None, depth=None))
    assert done.epochs == (SHIPPED_EPOCH, SHIPPED_EPOCH + 1)
    started = load_model(tmp_path / "s" / f"{SHIPPED_EPOCH}.safetensors")
    pan, mul, _ = next(samples(pool).held_out(chip_paths(pool)[:1])).floats(CPU)
    with torch.no_grad():
        torch.testing.assert_close(sharpen(started, pan, mul), sharpen(load_model(), pan, mul))
    assert started.architecture.depth > 0
    with pytest.raises(SessionError, match=f"ships epoch {SHIPPED_EPOCH}, found --load-epoch 5"):
        train(train_config(tmp_path / "other", pool, load_epoch=5))


def test_seed_decides_the_weights(pool, tmp_path):
    plans = [
        train_config(tmp_path, pool, session=name, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    a, b, c = (load_model(train(plan).checkpoint).digest for plan in plans)
    assert a == b != c
