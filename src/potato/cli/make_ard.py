"""`potato make-ard`."""

import click

from potato.cli import options


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option(
    "--tiles",
    type=click.IntRange(1),
    default=6,
    show_default=True,
    help="How many usable tiles, in several CIDs and two UTM zones.",
)
@click.option(
    "--size",
    type=click.IntRange(1),
    default=5168,
    show_default=True,
    help="Pan pixels along a tile; rounded up to a multiple of 136.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything random.")
@click.option(
    "--broken/--no-broken",
    default=True,
    show_default=True,
    help="Whether to add items that can't be used, like those of real ARDs.",
)
@options.quiet
@options.json_
def make_ard(folder: str, tiles: int, size: int, seed: int, broken: bool, quiet: bool, json_: bool) -> None:
    """Make an ARD of simulated ground, with the layout, JSON and images of a real one.

    DIR is the event folder to write, new or empty. It replaces a download of many gigabytes: every
    command that reads an ARD reads it.
    """
    from potato.ard import synthetic

    bar = options.show_progress(quiet)
    made = synthetic.make_ard(folder, tiles=tiles, size=size, seed=seed, broken=broken, progress=bar)
    options.tell(made, quiet, json_, collects=[collect.cid for collect in made.collects])
