"""`potato ls`."""

import click

from potato.cli import options


@click.command()
@click.argument("ard")
@options.follow_links
@options.json_
def ls(ard: str, follow_links: bool, json_: bool) -> None:
    """List the events, CIDs, tiles, clouds and platforms of an ARD.

    ARD is a folder, s3://…, or https://…, also of an event's collection; no image is opened.
    """
    from potato.ard import list_ard

    options.tell(list_ard(ard, follow_links=follow_links), quiet=False, json_=json_)
