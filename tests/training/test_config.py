"""The options of a run: limits, defaults, and the names of version 0.1."""

import click
import pytest

from potato.chips.chip import SIZE
from potato.cli.train import train as command
from potato.errors import SessionError
from potato.training import Settings
from potato.training.config import OLD_NAMES, TrainConfig
from potato.training.run import train
from training_runs import train_config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chips": None, "scenes": 0.5}, "nothing to learn from"),
        ({"session": "a/b"}, "without slashes"),
        ({"session": ".."}, "without slashes"),
        ({"epochs": 0}, "epochs of 1"),
        ({"lr": -1.0}, "lr in 0..1"),
        ({"weight_decay": -1.0}, "weight_decay of 0 or more"),
        ({"warm_up": -1}, "warm_up of 0 or more"),
        ({"workers": -1}, "workers of 0 or more"),
        ({"schedule": "wild"}, "cosine, constant"),
        ({"size": 66}, "multiple of 4"),
        ({"load_epoch": 63, "from_scratch": True}, "exclude each other"),
        ({"chips": "nowhere"}, "can't list it"),
    ],
)
def test_config_out_of_range_is_refused(tmp_path, pool, change, message):
    with pytest.raises(SessionError, match=message):
        train(train_config(tmp_path, pool, **change))
    assert not (tmp_path / "s" / "state.pt").exists()


def test_command_without_options_gives_the_defaults_of_the_config():
    given = command.make_context("train", []).params
    assert (
        TrainConfig(**{name: given[name] for name in given if name not in ("quiet", "json_")})
        == TrainConfig()
    )
    assert TrainConfig().size == SIZE


@pytest.mark.parametrize("old", OLD_NAMES)
def test_command_accepts_the_option_names_of_version_0_1(old):
    flag = f"--{old.replace('_', '-')}"
    assert command.make_context("train", [flag, "3"]).params[OLD_NAMES[old]] == 3
    assert flag not in command.get_help(click.Context(command))


def test_settings_of_version_0_1_still_work():
    with pytest.deprecated_call():
        old = Settings(scenes=1.0, logical_batch=2, strays=3.0)
    assert old == TrainConfig(scenes=1.0, batch_size=2, ghost_weight=3.0)
