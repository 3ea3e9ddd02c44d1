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
def quick_contrast(
    picture: str,
    output: str,
    exposure: float | None,
    contrast: float | None,
    quiet: bool,
    json_: bool,
    **settings: Any,
) -> None:
    """Put the tone curve on a flat picture, for viewing.

    PICTURE is what fuse --look flat made, graded or not, OUTPUT the GeoTIFF to write, in 8 bits. It is what
    fuse --look natural would have made, to 1 of 255.
    """
    from potato.core import render
    from potato.viewing import tools

    look = render.adjust(render.NATURAL, exposure, contrast)
    made = tools.quick_contrast(picture, output, look=look, progress=options.show_progress(quiet), **settings)
    options.tell(made, quiet, json_)
