"""`potato fuse`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("pan")
@click.argument("mul")
@click.argument("output", type=click.Path())
@options.reading
@options.weights
@options.rendering
@options.profile
@options.creation_options
@options.device
@options.workers
@click.option(
    "--block",
    type=click.IntRange(2),
    help="Side of a block in pan pixels, a multiple of the ratio; does not show in the picture.  "
    "[default: about 512; on a GPU what its memory holds]",
)
@options.overwrite
@options.quiet
@options.json_
def fuse(quiet: bool, json_: bool, **settings: Any) -> None:
    """Sharpen a pair of images into one picture in true colour.

    PAN is the panchromatic image, MUL the multispectral one, OUTPUT the GeoTIFF to write.
    PAN and MUL may be anything GDAL opens: a path, https://…, s3://…, zip://…, a VRT.
    """
    from potato.fusion import pipeline

    result = pipeline.fuse(progress=options.show_progress(quiet), **settings)
    options.tell(result, quiet, json_, speed=result.speed)
