"""`potato vectorscope`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("picture")
@click.argument("output", type=click.Path())
@click.option(
    "--reach",
    type=float,
    default=0.2,
    show_default=True,
    help="Oklab chroma at the rim; the corners of sRGB reach 0.32.",
)
@options.workers
@options.overwrite
@options.quiet
@options.json_
def vectorscope(picture: str, output: str, quiet: bool, json_: bool, **settings: Any) -> None:
    """Draw how often a picture has which colour: hue around, chroma outwards.

    PICTURE is a finished picture of 8 or 16 bits, OUTPUT the PNG or TIFF to write. Brightness is the
    logarithm of the share of pixels, the same for every picture; rings are chroma in JND, the dashed line is
    the most that sRGB has, the cross the mean. Needs matplotlib: pip install 'potato[plots]'.
    """
    from potato.viewing import scope

    drawn = scope.vectorscope(picture, output, progress=options.show_progress(quiet), **settings)
    options.tell(drawn, quiet, json_)
