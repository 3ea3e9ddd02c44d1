"""`potato doctor`."""

import dataclasses
import json

import click

from potato.cli import options


@click.command()
@click.argument("ard", required=False)
@click.option(
    "--tiles",
    type=click.IntRange(0),
    default=64,
    show_default=True,
    help="How many tiles of the ARD are opened, spread over all of it. Items are all read.",
)
@options.follow_links
@options.quiet
@options.json_
def doctor(ard: str | None, tiles: int, follow_links: bool, quiet: bool, json_: bool) -> None:
    """Look whether this machine, and an ARD, are as they should be.

    ARD is a folder, s3://…, or https://…. Each finding comes with a remedy; exit code 3 if something is
    wrong. What is only worth knowing is a note.
    """
    from potato.doctor import examine

    report = examine(ard, tiles=tiles, follow_links=follow_links, progress=options.show_progress(quiet))
    if json_:
        click.echo(json.dumps({"wrong": report.wrong, **dataclasses.asdict(report)}))
    elif not quiet:
        click.echo(report)
    if report.wrong:
        raise click.exceptions.Exit(3)
