"""`potato ab`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("picture")
@click.argument("output", type=click.Path())
@click.option(
    "--lightness", type=float, default=0.75, show_default=True, help="Oklab L of every pixel, 0 to 1."
)
@click.option(
    "--chroma", type=float, default=1.0, show_default=True, help="How many times as colourful to show it."
)
@options.picture
def ab(picture: str, output: str, quiet: bool, json_: bool, **settings: Any) -> None:
    """Show the colour of a picture alone, everything equally light.

    PICTURE is a finished picture of 8 or 16 bits, OUTPUT the GeoTIFF to write. Hue and chroma are Oklab's, so
    fringes, stains and noise of colour stand out that light and shade hide. What no screen can show loses
    chroma, not hue.
    """
    from potato.viewing import tools

    made = tools.ab(picture, output, progress=options.show_progress(quiet), **settings)
    options.tell(made, quiet, json_)
