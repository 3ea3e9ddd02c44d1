"""`potato report`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("pictures", nargs=-1, required=True, metavar="A [B …]")
@click.option("-o", "--output", required=True, type=click.Path(), help="The HTML file to write.")
@click.option("--pair", nargs=2, metavar="PAN MUL", help="The pair that the pictures were made of.")
@click.option(
    "--window",
    nargs=4,
    type=int,
    metavar="ROW COLUMN HEIGHT WIDTH",
    help="What to show in full detail, and to judge, in pixels of the pictures.  [default: all of small "
    "pictures, the middle of large ones]",
)
@options.overwrite
@options.quiet
@options.json_
def report(pictures: tuple[str, ...], quiet: bool, json_: bool, **settings: Any) -> None:
    """Lay finished pictures over one another, in one page that works offline.

    A, B, … are pictures of the same ground. The page swipes and blinks between them and shows them side by
    side, with what they differ by, their colours, and their tags. With --pair it also shows pan and the
    plainly enlarged colour, and how detailed, free of fringes and true to mul each picture is. It holds the
    window exactly and says what it leaves out.
    """
    from potato.report import write_report

    result = write_report(pictures, **settings)
    options.tell(result, quiet, json_)
