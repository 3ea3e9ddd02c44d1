"""`potato ls`."""

import dataclasses
import json

import click

from potato.cli import options


@click.command()
@click.argument("ard")
@options.follow_links
@options.json_
def ls(ard: str, follow_links: bool, json_: bool) -> None:
    """List what an ARD holds: events, CIDs, tiles, clouds and platforms.

    ARD is a folder, s3://…, or https://…, also of an event's collection; no image is opened.
    """
    from potato.fusion import delivery

    listing = delivery.list_ard(ard, follow_links=follow_links)
    click.echo(json.dumps(dataclasses.asdict(listing)) if json_ else listing)
