"""`potato vectorscope`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("picture")
@click.argument("output", type=click.Path())
@click.option(
    "--max-chroma",
    cls=options.RenamedOption,
    old_names=["--reach"],
    type=options.Finite(),
    default=0.2,
    show_default=True,
    help="Oklab chroma at the rim; the most colourful corner of sRGB has 0.32.",
)
@options.workers
@options.overwrite
@options.printed
def vectorscope(**settings: Any) -> Any:
    """Draw the distribution of a picture's colours: angle is hue, radius is chroma.

    PICTURE is a finished picture of 8 or 16 bits, OUTPUT the PNG or TIFF to write. Brightness is
    the logarithm of the share of pixels, on one scale for all pictures. Rings are chroma in JND,
    the dashed line is the limit of sRGB, and the cross is the mean. Needs the extra 'plots'.
    """
    from potato.viewing import scope

    return scope.vectorscope(**settings)
