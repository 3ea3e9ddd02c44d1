"""`potato exaggerate`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.option(
    "-e",
    "--exaggerate",
    "factor",
    type=float,
    default=4.0,
    show_default=True,
    metavar="K",
    help="How many times as large; 1 leaves the pictures as they are, 0 gives their mean.",
)
@click.argument("a")
@click.argument("b")
@click.argument("out_a", type=click.Path())
@click.argument("out_b", type=click.Path())
@options.picture
def exaggerate(a: str, b: str, out_a: str, out_b: str, quiet: bool, json_: bool, **settings: Any) -> None:
    """Make what differs between two pictures K times as large.

    A and B are finished pictures of the same ground, pixel on pixel; OUT_A and OUT_B the GeoTIFFs to write,
    to be blinked. Each is moved away from the mean of both, in Oklab. What no screen can show loses chroma,
    not hue. Where only one is valid it stays as it is.
    """
    from potato.viewing import tools

    made = tools.exaggerate(a, b, out_a, out_b, progress=options.show_progress(quiet), **settings)
    options.tell(made, quiet, json_)
