"""`potato fuse`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="PAN MUL | DELIVERY")
@click.argument("output", type=click.Path())
@options.reading_deliveries
@options.weights
@options.rendering
@options.bands
@options.composite
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
def fuse(inputs: tuple[str, ...], quiet: bool, json_: bool, **settings: Any) -> None:
    """Sharpen a pair of images into one picture in true colour.

    PAN is the panchromatic image, MUL the multispectral one: anything GDAL opens, such as a path,
    https://…, s3://…, zip://…, a VRT. DELIVERY is an order as a vendor delivers it: a folder, a
    .zip or .tar, or a metadata file. OUTPUT is the GeoTIFF to write.
    """
    from potato.fusion import pipeline

    if len(inputs) > 2:
        raise click.UsageError("expected a pan and a mul, or a delivery; then the output")
    pan, mul = inputs[0], inputs[1] if len(inputs) == 2 else None
    result = pipeline.fuse(pan, mul, progress=options.show_progress(quiet), **settings)
    options.tell(result, quiet, json_, speed=result.speed)
