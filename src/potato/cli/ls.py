"""`potato ls`."""

import click

from potato.cli import options


@click.command()
@click.argument("source")
@options.follow_links
@options.json_
def ls(source: str, follow_links: bool, json_: bool) -> None:
    """List what an ARD or a vendor's delivery holds.

    SOURCE is an ARD: a folder, s3://…, or https://…, also of an event's collection. Its events,
    CIDs, tiles, clouds and platforms are listed. Or it is a delivery: a folder, a .zip or .tar, or
    a metadata file. Its products are listed, and what keeps any from being sharpened.
    """
    from potato.doctor.sources import list_source

    options.tell(list_source(source, follow_links=follow_links), quiet=False, json_=json_)
