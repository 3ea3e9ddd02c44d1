"""`potato ls`."""

from typing import Any

import click

from potato.cli import options
from potato.cli.output import say


# West and south may begin with a minus; click takes them for numbers, since no option is a number.
@click.command()
@click.argument("source")
@options.choosing
@options.follow_links
@click.option("--geojson", is_flag=True, help="Print the outline of each tile or product as GeoJSON.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(), help="Write the GeoJSON to this file.")
@click.option(
    "--map",
    "page",
    type=click.Path(),
    metavar="FILE",
    help="Write a map of the outlines, with small pictures, as one HTML page that works offline.",
)
@options.overwrite
@options.json_
def ls(source: str, bbox: Any, aoi: Any, follow_links: bool, **settings: Any) -> None:
    """List what an ARD or a vendor's delivery holds.

    SOURCE is an ARD: a folder, s3://…, or https://…, also of an event's collection. Its events and
    CIDs are listed, with time, clouds, angles of satellite and sun, pixel size and bounds, and
    what keeps tiles from being sharpened; the options choose tiles, as in fuse-ard. Or it is a
    delivery: a folder, a .zip or .tar, or a metadata file. Its products are listed, and what keeps
    any from being sharpened.
    """
    from potato.doctor.footprint_files import show_footprints
    from potato.doctor.sources import list_source
    from potato.fusion.aoi import choose_area
    from potato.fusion.ard.choice import Choice

    others = ("geojson", "output", "page", "overwrite", "json_")
    geojson, output, page, overwrite, json_ = (settings.pop(name) for name in others)
    if (output and not geojson) or (json_ and (geojson or page)):
        raise click.UsageError("expected --json alone, and --output with --geojson, found another mixture")
    wanted = Choice.of(**settings, area=choose_area(bbox, aoi))
    choice = None if wanted == Choice() else wanted
    if geojson or page:
        for told in show_footprints(source, output or geojson, page, overwrite, follow_links, choice):
            say(told)
    else:
        options.tell(list_source(source, follow_links=follow_links, choice=choice), quiet=False, json_=json_)
