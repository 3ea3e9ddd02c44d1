"""`potato exaggerate`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.option(
    "-e",
    "--exaggerate",
    "factor",
    type=options.Finite(),
    default=4.0,
    show_default=True,
    metavar="K",
    help="Factor by which differences grow: 1 changes nothing, 0 gives the mean of both pictures.",
)
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.argument("first_output", metavar="OUT_A", type=click.Path())
@click.argument("second_output", metavar="OUT_B", type=click.Path())
@options.picture
def exaggerate(**settings: Any) -> Any:
    """Make the differences between two pictures K times as large.

    A and B are finished pictures on the same pixel grid, OUT_A and OUT_B the GeoTIFFs to write;
    blink between them. Each pixel moves away from the mean of both pictures, in Oklab. Colours
    outside sRGB lose chroma and keep their hue. Where only one picture is valid, it stays as it is.
    """
    from potato.viewing import tools

    return tools.exaggerate(**settings)
