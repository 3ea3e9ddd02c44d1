"""`potato report`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("pictures", nargs=-1, required=True, metavar="A [B …]")
@click.option(
    "-o", "--output", metavar="FILE", required=True, type=click.Path(), help="The HTML file to write."
)
@click.option("--pair", nargs=2, metavar="PAN MUL", help="The pair from which the pictures were made.")
@click.option("--delivery", metavar="DELIVERY", help="The delivery from which they were made.")
@click.option(
    "--window",
    cls=options.NumbersOption,
    nargs=4,
    type=options.Whole(),
    metavar="ROW COLUMN HEIGHT WIDTH",
    help="The part to show in full detail and to measure, in pixels of the pictures.  [default: all of a "
    "small picture, the middle of a large one]",
)
@options.reading_deliveries
@options.open_page
@options.overwrite
@options.quiet
@options.json_
def report(
    pair: tuple[str, str] | None,
    delivery: str | None,
    open_: bool,
    quiet: bool,
    json_: bool,
    **settings: Any,
) -> None:
    """Compare finished pictures in one HTML page that works offline.

    A, B, … are pictures of the same ground. The page swipes or blinks between them, or shows them
    side by side, with their differences, colours and tags. With --pair or --delivery it also shows
    pan and the enlarged mul, and measures each picture's detail, colour fringes and consistency
    with mul. The page holds every pixel of the window and says what it leaves out.
    """
    if pair and delivery:
        raise click.UsageError("expected --pair or --delivery, found both")
    from potato.report.write import write_report

    source = (delivery, None) if delivery else pair
    result = write_report(pair=source, **settings)
    options.tell(result, quiet, json_)
    if open_:
        click.launch(str(result.output))
