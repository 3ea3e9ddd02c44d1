"""`potato gray-diff`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("a")
@click.argument("b")
@click.argument("output", type=click.Path())
@click.option(
    "-e",
    "--exaggerate",
    "factor",
    type=float,
    default=1.0,
    show_default=True,
    metavar="K",
    help="How many times as large to show the difference.",
)
@options.picture
def gray_diff(a: str, b: str, output: str, quiet: bool, json_: bool, **settings: Any) -> None:
    """Show one picture less another, around mid-grey.

    A and B are finished pictures of the same ground, pixel on pixel, OUTPUT the GeoTIFF to write. Where A is
    lighter than B it is lighter than grey, where A is redder it is reddish; with A and B exchanged, the
    opposite. The difference is Oklab's, and with K = 1 shown as large as it is.
    """
    from potato.viewing import tools

    made = tools.gray_diff(a, b, output, progress=options.show_progress(quiet), **settings)
    options.tell(made, quiet, json_)
