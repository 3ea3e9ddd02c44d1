"""`potato ls`."""

import dataclasses
import json

import click

from potato.cli import options

__all__ = ["ls"]


@click.command()
@click.argument("ard")
@options.json_
def ls(ard: str, json_: bool) -> None:
    """List what an ARD holds: events, CIDs, tiles, clouds and platforms.

    ARD is a folder, s3://…, or https://…, also of an event's collection; no image is opened.
    """
    from potato import delivery

    listing = delivery.list_ard(ard)
    click.echo(json.dumps(dataclasses.asdict(listing)) if json_ else listing)
