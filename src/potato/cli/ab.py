"""`potato ab`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("picture")
@click.argument("output", type=click.Path())
@click.option(
    "--lightness",
    type=options.Finite(),
    default=0.75,
    show_default=True,
    help="Oklab L of every pixel, 0 to 1.",
)
@click.option(
    "--chroma",
    type=options.Finite(),
    default=1.0,
    show_default=True,
    help="Factor on the chroma, that is, on Oklab a and b.",
)
@options.picture
def ab(**settings: Any) -> Any:
    """Show the colour of a picture alone, at constant lightness.

    PICTURE is a finished picture of 8 or 16 bits, OUTPUT the GeoTIFF to write. Hue and chroma are
    those of Oklab. Colour fringes, stains and noise stand out when light and shade no longer hide
    them. Colours outside sRGB lose chroma and keep their hue.
    """
    from potato.viewing import tools

    return tools.ab(**settings)
