"""`potato chips-sheet`."""

from typing import Any

import click

from potato.cli import chip_options, options


@click.command()
@click.argument("pool", type=click.Path())
@click.argument("output", type=click.Path())
@click.option(
    "-n", "--count", type=options.WholeRange(1), default=12, show_default=True, help="How many chips at most."
)
@chip_options.starting_from
@click.option(
    "--columns", type=options.WholeRange(1), default=2, show_default=True, help="How many chips side by side."
)
@options.overwrite
@options.quiet
@options.json_
def chips_sheet(quiet: bool, json_: bool, **settings: Any) -> None:
    """Draw chips as a contact sheet: pan, mul and target.

    POOL is a folder of chips, OUTPUT the PNG to write. Invalid pixels are magenta.
    """
    from potato.chips import contact_sheet

    options.tell(contact_sheet.chips_sheet(**settings), quiet, json_)
