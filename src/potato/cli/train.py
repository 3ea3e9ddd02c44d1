"""`potato train`."""

import dataclasses
import json
from typing import Any

import click

from potato.cli import options


@click.command()
@click.option(
    "--session", default="potato", show_default=True, help="Name of the session; one that is there goes on."
)
@click.option(
    "--sessions", type=click.Path(), default="sessions", show_default=True, help="The folder of sessions."
)
@click.option("--chips", type=click.Path(), help="A folder of chips to learn from.")
@click.option("--test-chips", type=click.Path(), help="A folder of chips to judge by; never augmented.")
@click.option(
    "--test-length",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="How many of the test chips are judged after each epoch.",
)
@click.option(
    "--scenes",
    type=click.FloatRange(0, 1),
    help="Share of simulated scenes, invented on the fly.  [default: 0 with --chips, 1 without]",
)
@options.photographs
@click.option(
    "--passes",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Times in a row that each scene is seen, by other passes of the instrument.",
)
@click.option(
    "--size",
    type=click.IntRange(64),
    default=512,
    show_default=True,
    help="Side of a scene in pan pixels; beside chips, theirs counts.",
)
@click.option(
    "--load-epoch", type=click.IntRange(0), metavar="63", help="Start from the weights in the package."
)
@click.option("--load-from", metavar="SESSION[/EPOCH]", help="Start from a checkpoint of another session.")
@click.option("--from-scratch", is_flag=True, help="Start from a new network, as is done without the above.")
@click.option("--width", type=click.IntRange(1), help="Channels of a new network.  [default: 32]")
@click.option("--depth", type=click.IntRange(1), help="Layers of a new network.  [default: 4]")
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Epochs that the session has in the end.",
)
@click.option(
    "--epoch-length", type=click.IntRange(1), default=1024, show_default=True, help="Chips in an epoch."
)
@click.option("--lr", type=float, default=5e-4, show_default=True, help="The highest learning rate.")
@click.option(
    "--schedule",
    type=click.Choice(["cosine", "constant"]),
    default="cosine",
    show_default=True,
    help="cosine: down to a hundredth. constant: down to 0 in the last fifth.",
)
@click.option(
    "--warm-up",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="Steps in which the rate rises, a tenth of all at most.",
)
@click.option("--weight-decay", type=float, default=0.01, show_default=True, help="Of AdamW.")
@click.option(
    "--clip", type=float, default=10.0, show_default=True, help="Largest norm of a step's gradient."
)
@click.option(
    "--fringes",
    type=float,
    default=0.8,
    show_default=True,
    help="Weight, beside ΔE, of magenta and green that the truth doesn't have.",
)
@click.option(
    "--strays",
    type=float,
    default=0.0,
    show_default=True,
    help="Weight, beside ΔE, of fine lightness that neither pan nor the truth has.",
)
@click.option(
    "--vivid",
    type=float,
    default=0.0,
    show_default=True,
    help="Weight, beside ΔE, of ΔE once more at vivid things: where neither of those two is asked.",
)
@click.option(
    "--ema",
    type=click.FloatRange(0, 1),
    default=0.999,
    show_default=True,
    help="What stays of the mean weights in each step.",
)
@click.option(
    "--logical-batch",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Chips that a step learns from.",
)
@click.option(
    "--physical-batch",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Chips computed at once; changes memory, not the result.",
)
@click.option(
    "--instrument/--no-instrument",
    default=True,
    show_default=True,
    help="Whether three chips in four are given displaced arrays, ringing and noise.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything random.")
@click.option(
    "-j",
    "--workers",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Processes that read chips and invent scenes; 0 does it between the steps.",
)
@click.option(
    "--save-every",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    help="Minutes between saves within an epoch.",
)
@options.device
@options.quiet
@options.json_
def train(quiet: bool, json_: bool, **settings: Any) -> None:
    """Train a network on chips, on simulated scenes, or on both.

    Everything goes into the folder sessions/SESSION: a numbered checkpoint for each epoch, usable with
    --weights, the log, and the state. The same command again goes on with a session that was interrupted,
    exactly where it was last saved.
    """
    from potato import training

    say = None if quiet or json_ else click.echo
    bar = options.show_progress(quiet)
    result = training.train(training.Settings(**settings), progress=bar, say=say)
    if json_:
        click.echo(json.dumps(dataclasses.asdict(result), default=str))
