"""`potato ls`."""

import json
from collections.abc import Sequence
from pathlib import Path
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
@click.option("-o", "--output", type=click.Path(), help="Write the GeoJSON to this file.")
@click.option(
    "--map",
    "page",
    type=click.Path(),
    metavar="FILE",
    help="Write a map of the outlines, with small pictures, as one HTML page that works offline.",
)
@options.overwrite
@options.json_
def ls(source: str, bbox: Any, aoi: Any, **settings: Any) -> None:
    """List what an ARD or a vendor's delivery holds.

    SOURCE is an ARD: a folder, s3://…, or https://…, also of an event's collection. Its events and
    CIDs are listed, with time, clouds, angles of satellite and sun, pixel size and bounds, and
    what keeps tiles from being sharpened; the options choose tiles, as in fuse-ard. Or it is a
    delivery: a folder, a .zip or .tar, or a metadata file. Its products are listed, and what keeps
    any from being sharpened.
    """
    from potato.doctor.sources import list_source
    from potato.fusion.aoi import choose_area
    from potato.fusion.delivery.choice import Choice

    others = ("geojson", "output", "page", "overwrite", "json_", "follow_links")
    geojson, output, page, overwrite, json_, follow_links = (settings.pop(name) for name in others)
    if output and not geojson:
        raise click.UsageError("expected --geojson with --output, found none")
    if json_ and (geojson or page):
        raise click.UsageError("expected --json, or --geojson and --map, found both")
    wanted = Choice.of(**settings, area=choose_area(bbox, aoi))
    choice = None if wanted == Choice() else wanted
    if not (geojson or page):
        options.tell(list_source(source, follow_links=follow_links, choice=choice), quiet=False, json_=json_)
        return
    from potato.doctor.footprints import feature_collection, find_footprints
    from potato.raster import check_output

    outputs = [check_output(path, overwrite) for path in (output, page) if path]
    footprints = list(find_footprints(source, follow_links=follow_links, choice=choice))
    if geojson:
        _put(json.dumps(feature_collection(footprints), ensure_ascii=False), outputs[0] if output else None)
    if page:
        _put(_map(footprints, source), outputs[-1])


def _map(footprints: Sequence[Any], source: str) -> str:
    from potato.core.text import redact
    from potato.doctor.footprint_map import make_map

    return make_map(footprints, redact(source))


def _put(text: str, path: Path | None) -> None:
    """Print a text, or write it to a file."""
    from potato.raster.atomic import write_whole

    if path is None:
        say(text)
    else:
        write_whole(path, text + "\n")
        say(path)
