"""`potato mul-to-rgb`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("mul")
@click.argument("output", type=click.Path())
@click.option("--plain", is_flag=True, help="Take bands 5, 3 and 2 for red, green and blue, as viewers do.")
@options.look
@options.exposure
@options.contrast
@options.picture
def mul_to_rgb(
    mul: str,
    output: str,
    look: str,
    exposure: float | None,
    contrast: float | None,
    quiet: bool,
    json_: bool,
    **settings: Any,
) -> None:
    """Show an 8-band image in true colour, without sharpening.

    MUL is the multispectral image, OUTPUT the GeoTIFF to write, on the same grid. The colour is what all five
    visible bands give together, as in fuse.
    """
    from potato.core import render
    from potato.viewing import tools

    chosen = render.adjust(render.LOOKS[look], exposure, contrast)
    made = tools.mul_to_rgb(mul, output, look=chosen, progress=options.show_progress(quiet), **settings)
    options.tell(made, quiet, json_)
