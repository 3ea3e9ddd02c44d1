"""`potato gray-diff`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.argument("output", type=click.Path())
@click.option(
    "-e",
    "--exaggerate",
    "factor",
    type=options.Finite(),
    default=1.0,
    show_default=True,
    metavar="K",
    help="Factor by which the difference grows; 1 shows it in its own size.",
)
@options.picture
def gray_diff(**settings: Any) -> Any:
    """Show the difference between two pictures around mid-grey.

    A and B are finished pictures on the same pixel grid, OUTPUT the GeoTIFF to write. The
    difference A − B is taken in Oklab and added to mid-grey: lighter than grey where A is lighter,
    reddish where A is redder.
    """
    from potato.viewing import tools

    return tools.gray_diff(**settings)
