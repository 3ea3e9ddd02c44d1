"""`potato quick-contrast`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("picture")
@click.argument("output", type=click.Path())
@options.exposure
@options.contrast
@options.picture
def quick_contrast(exposure: float | None, contrast: float | None, **settings: Any) -> Any:
    """Apply the tone curve of the natural look to a flat picture.

    PICTURE is an output of fuse --look flat, graded or not, OUTPUT the GeoTIFF to write, in 8 bits.
    Without grading, the result is that of fuse --look natural, to within 1 of 255.
    """
    from potato.core import render
    from potato.viewing import tools

    return tools.quick_contrast(look=render.adjust(render.NATURAL, exposure, contrast), **settings)
