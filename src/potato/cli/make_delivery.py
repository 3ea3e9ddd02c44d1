"""`potato make-delivery`."""

import click

from potato.cli import options

KINDS = (
    *("maxar", "maxar-flat", "dimap", "landsat", "landsat-2"),
    *("cbers", "kompsat", "gaofen", "files", "bands", "stac"),
)


@click.command()
@click.argument("kind", metavar="KIND", type=click.Choice(KINDS))
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option(
    "--sensor", metavar="NAME", help="The sensor, as 'potato sensors' lists it.  [default: by the kind]"
)
@click.option(
    "--size",
    type=options.WholeRange(1, options.MOST_SIDE),
    default=512,
    show_default=True,
    help="Pan pixels along a side; rounded down to whole pixels of mul.",
)
@click.option("--seed", type=options.Whole(), default=0, show_default=True, help="Seed of everything random.")
@options.quiet
@options.json_
def make_delivery(
    kind: str, folder: str, sensor: str | None, size: int, seed: int, quiet: bool, json_: bool
) -> None:
    """Make a small order as a vendor delivers it: folders, parts, metadata and counts.

    KIND is one of these: maxar is an order in parts, maxar-flat one in whole files, dimap is
    Airbus', landsat a scene of USGS, landsat-2 one with level 2; cbers, kompsat and gaofen are
    scenes of INPE, KARI and CRESDA; files has pan and mul without metadata, bands a file for each
    band, and stac an item beside its images. DIR is the folder to write, new or empty. The images
    show a patchwork of surfaces of known reflectance, no place.
    """
    from potato.deliveries import synthetic

    made = synthetic.make_delivery(kind, folder, sensor=sensor, size=size, seed=seed)
    options.tell(made, quiet, json_)
