"""`potato ls`."""

from typing import Any

import click

from potato.cli import options


# West and south may begin with a minus; click takes them for numbers, since no option is a number.
@click.command()
@click.argument("source")
@options.choosing
@options.follow_links
@options.json_
def ls(source: str, follow_links: bool, json_: bool, bbox: Any, aoi: Any, **settings: Any) -> None:
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

    wanted = Choice.of(**settings, area=choose_area(bbox, aoi))
    choice = None if wanted == Choice() else wanted
    options.tell(list_source(source, follow_links=follow_links, choice=choice), quiet=False, json_=json_)
