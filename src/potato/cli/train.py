"""`potato train`."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import click

from potato.cli import options, output
from potato.training.config import OLD_NAMES, SCHEDULES, TrainConfig


def _option(*names: str, **more: Any) -> Callable[[Any], Any]:
    """An option with the default of the `TrainConfig` field of its name."""
    default = getattr(TrainConfig, names[-1].split("/")[0].removeprefix("--").replace("-", "_"))
    if isinstance(default, float):
        more.setdefault("type", options.Finite())
    elif isinstance(default, int) and not isinstance(default, bool):
        more.setdefault("type", options.Whole())
    return click.option(*names, default=default, show_default=default is not None, **more)


def _new_name(name: str) -> str:
    """The present name of an option that may have its name of version 0.1."""
    return OLD_NAMES.get(name.replace("-", "_"), name).replace("_", "-")


@click.command(context_settings={"token_normalize_func": _new_name})
@_option("--session", metavar="NAME", help="Name of the session; one that exists goes on.")
@_option("--sessions", metavar="DIR", type=click.Path(), help="Folder of all sessions.")
@_option(
    "--chips", metavar="DIR", type=click.Path(), help="Folder of chips to learn from, or of such folders."
)
@_option("--test-chips", metavar="DIR", type=click.Path(), help="Folder of chips to test on, likewise.")
@_option("--test-length", type=options.WholeRange(1), help="Number of chips that each epoch is tested on.")
@_option(
    "--scenes",
    type=options.Number(0, 1),
    help="Share of samples that are simulated on the fly.  [default: 0 with --chips, 1 without]",
)
@_option(
    "--sensor",
    metavar="NAME",
    help=f"{options.BAND_SET_NAMES}: the sensors that see simulated scenes. Or the name of one sensor.  "
    "[default: the set of the chips; worldview without chips]",
)
@options.photographs
@_option(
    "--passes", type=options.WholeRange(1), help="Passes that image each simulated ground, one after another."
)
@_option(
    "--size",
    type=options.WholeRange(64, options.MOST_SIDE),
    help="Side of a scene in pan pixels; beside --chips, scenes have the size of the chips.",
)
@_option(
    "--load-epoch", type=options.WholeRange(0), metavar="63", help="Start from the weights in the package."
)
@_option("--load-from", metavar="SESSION[/EPOCH]", help="Start from a checkpoint of another session.")
@_option("--from-scratch", is_flag=True, help="Start from a new network, which is the default.")
@_option("--width", type=options.WholeRange(1), help="Channels of a new network.  [default: 32]")
@_option("--depth", type=options.WholeRange(1), help="Layers of a new network.  [default: 4]")
@_option("--epochs", type=options.WholeRange(1), help="Epochs of the whole session, earlier runs included.")
@_option("--epoch-length", type=options.WholeRange(1), help="Chips in an epoch.")
@_option("--lr", help="Largest learning rate.")
@_option(
    "--schedule",
    type=click.Choice(SCHEDULES),
    help="cosine: down to a hundredth. constant: down to 0 in the last fifth.",
)
@_option(
    "--warm-up",
    type=options.WholeRange(0),
    help="Steps in which the learning rate rises; at most a tenth of all and a quarter of an epoch.",
)
@_option("--weight-decay", help="Weight decay of AdamW.")
@_option("--clip", help="Largest norm of a step's gradient.")
@_option("--fringe-weight", help="Weight, beside ΔE, of fine chroma beyond the truth's.")
@_option("--ghost-weight", help="Weight, beside ΔE, of fine lightness in neither pan nor the truth.")
@_option(
    "--saturated-weight",
    help="Weight, beside ΔE, of ΔE at saturated pixels, which the other two losses skip.",
)
@_option(
    "--caution-weight",
    help="Weight, beside ΔE, of changes to the predictor's a and b where nothing marks a sensor artefact.",
)
@_option("--ema", type=options.Number(0, 1), help="Decay, per step, of the moving average of the weights.")
@_option(
    "--batch-size",
    type=options.WholeRange(1),
    help="Chips that a step learns from.  [default: the session's; for a new one 1, or 32 on CUDA]",
)
@_option(
    "--micro-batch",
    type=options.WholeRange(1),
    help="Chips computed at once, which changes memory, not the result.  [default: 4; on CUDA, as many "
    "of a step as half of the free memory holds]",
)
@_option(
    "--instrument/--no-instrument",
    help="Give three chips in four sensor artefacts: displaced bands, ringing, noise.",
)
@_option("--seed", help="Seed of all random numbers.")
@_option(
    "-j",
    "--workers",
    type=options.WholeRange(0, 1024),
    help="Processes that read chips and simulate scenes; 0 for the training process itself.  "
    "[default: 1; beside a GPU, up to 16, but one core is left]",
)
@_option("--save-every", type=options.Number(0), help="Minutes between saves within an epoch.")
@options.device
@options.quiet
@options.json_
def train(quiet: bool, json_: bool, **settings: Any) -> None:
    """Train a network on chips, on simulated scenes, or on both.

    All files go into the folder sessions/SESSION: a numbered checkpoint for each epoch, usable with
    --weights, the log, and the state. Repeat the command to go on with a session that was
    interrupted, exactly from its last save.
    """
    from potato.training.run import train

    say = None if quiet or json_ else output.say
    result = train(TrainConfig(**settings), progress=not quiet, say=say)
    if json_:
        output.say(json.dumps(dataclasses.asdict(result), default=str))
