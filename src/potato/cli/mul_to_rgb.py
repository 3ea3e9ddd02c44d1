"""`potato mul-to-rgb`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("mul")
@click.argument("output", type=click.Path())
@click.option(
    "--plain", is_flag=True, help="Show the bands red, green and blue as they are, as most viewers do."
)
@options.reading
@options.rendering
@options.picture
def mul_to_rgb(**settings: Any) -> Any:
    """Show a multispectral image in true colour, without sharpening.

    MUL is the multispectral image, OUTPUT the GeoTIFF to write, on the same grid. The colour comes
    from all visible bands, as in fuse.
    """
    from potato.viewing import tools

    return tools.mul_to_rgb(**settings)
