"""`potato quick-contrast`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("picture")
@click.argument("output", type=click.Path())
@options.rendering
@options.picture
def quick_contrast(**settings: Any) -> Any:
    """Turn a flat picture into one for viewing.

    PICTURE is an output of fuse --look flat, graded or not, OUTPUT the GeoTIFF to write, in 8 bits.
    Without changes by other programs, the result is that of fuse --look natural (or clear, or
    vivid), to within 1 of 255.
    """
    from potato.viewing import tools

    return tools.quick_contrast(**settings)
