"""`potato fuse`."""

from pathlib import Path
from typing import Any

import click

from potato.cli import options


# West and south may begin with a minus; click takes them for numbers, since no option is a number.
@click.command()
@click.argument("inputs", nargs=-1, metavar="PAN MUL | DELIVERY")
@click.argument("output", type=click.Path())
@options.reading_deliveries
@options.bbox
@options.aoi
@click.option(
    "--window",
    cls=options.NumbersOption,
    type=options.Whole(),
    nargs=4,
    metavar="ROW COLUMN HEIGHT WIDTH",
    help="Read and show only this part, in pan pixels, multiples of the ratio.",
)
@click.option(
    "--extent",
    type=click.Choice(["pan", "intersection"]),
    default="pan",
    show_default=True,
    help="pan: all of pan, transparent where mul ends. intersection: only the ground that both have.",
)
@click.option(
    "--align",
    is_flag=True,
    help="Measure how far mul lies from where pan shows the ground, and move it there: each detector "
    "array by one displacement.",
)
@options.weights
@options.rendering
@options.grading
@options.bands
@options.composite
@options.profile
@options.creation_options
@options.device
@options.workers
@click.option(
    "--block",
    type=options.WholeRange(2),
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

    output = settings["output"]
    if len(inputs) not in (1, 2) or (len(inputs) == 1 and not _is_alone(inputs[0], output)):
        raise click.UsageError(
            "expected a pan and a mul, or a delivery (a folder, a .zip or .tar, a metadata file); then the "
            f"output; found {_tell(inputs, output)}"
        )
    pan, mul = inputs[0], inputs[1] if len(inputs) == 2 else None
    result = pipeline.fuse(pan, mul, progress=not quiet, **settings)
    options.tell(result, quiet, json_, speed=result.speed)


def _tell(inputs: tuple[str, ...], output: str) -> str:
    """What was given in the place of a pair or a delivery: the end of a message."""
    from potato.raster.gdal_env import is_remote

    found = f"{', '.join(inputs)} before {output}" if inputs else f"{output} alone"
    if len(inputs) != 1:
        return found
    if is_remote(inputs[0]):
        return f"{found}; an ARD is sharpened by potato fuse-ard ARD OUT"
    return found if Path(inputs[0]).exists() else f"{found}, and nothing at {inputs[0]}"


def _is_alone(source: str, output: str) -> bool:
    """Whether an input is a delivery, and not a pan whose mul would be taken for the output."""
    from potato.deliveries.delivery import find_products, is_delivery

    if Path(source).is_dir() and not Path(output).suffix:
        find_products(source)  # An ARD is refused as one before its folder for pictures is.
    return is_delivery(source) and not is_delivery(output)
