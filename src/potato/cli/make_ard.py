"""`potato make-ard`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option(
    "--tiles",
    type=options.WholeRange(1),
    help="How many usable tiles, in several CIDs and two UTM zones.  [default: 6]",
)
@click.option(
    "--area",
    type=options.Number(0, min_open=True),
    metavar="KM2",
    help="How much ground, all of it different, in place of --tiles: for training. A chip of 512 pixels "
    "takes 4.2 km², one of 128 takes 0.3; a km² takes 12 MB. Without it, ground repeats as its mirror "
    "image.",
)
@click.option(
    "--size",
    type=options.WholeRange(1, options.MOST_SIDE),
    default=5168,
    show_default=True,
    help="Pan pixels along a tile; rounded up to a multiple of 136.",
)
@click.option("--seed", type=options.Whole(), default=0, show_default=True, help="Seed of everything random.")
@click.option(
    "--sensor",
    "sensors",
    metavar="NAME",
    multiple=True,
    help="A satellite of the CIDs, in turns; may be repeated.  [default: WV03 and WV02]",
)
@click.option(
    "--revisits",
    type=options.WholeRange(0),
    default=0,
    show_default=True,
    help="How many more passes see each place, days later, with other clouds and water.",
)
@click.option(
    "--broken/--no-broken",
    default=True,
    show_default=True,
    help="Whether to add items that can't be used, like those of real ARDs.",
)
@options.quiet
@options.json_
def make_ard(quiet: bool, json_: bool, **settings: Any) -> None:
    """Make an ARD of simulated ground: the layout, the JSON and the images of a real one.

    DIR is the event folder to write, new or empty. It replaces a download of many gigabytes: every
    command that reads an ARD reads it.
    """
    from potato.ard import synthetic

    made = synthetic.make_ard(progress=not quiet, **settings)
    options.tell(made, quiet, json_, collects=[collect.cid for collect in made.collects])
