"""`potato doctor`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("source", required=False)
@click.option(
    "--tiles",
    type=options.WholeRange(0),
    default=64,
    show_default=True,
    help="How many tiles of the ARD to open, spread evenly. All STAC items are read.",
)
@options.follow_links
@options.quiet
@options.json_
def doctor(quiet: bool, json_: bool, **settings: Any) -> None:
    """Check this installation, this machine and, if given, an ARD or a delivery.

    SOURCE is an ARD (a folder, s3://…, or https://…), or a vendor's delivery (a folder, a .zip or
    .tar, or a metadata file). Each finding is fine, a note, or wrong, and says what to
    do. The exit code is 3 if anything is wrong.
    """
    from potato.doctor.examination import examine

    found = examine(progress=not quiet, **settings)
    options.tell(found, quiet, json_, wrong=found.wrong)
    if found.wrong:
        raise click.exceptions.Exit(3)
