"""`potato check`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("chip", type=click.Path())
@options.weights
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=click.Path(),
    default="check-out",
    show_default=True,
    help="Folder for two pictures: the target and the output.",
)
@click.option(
    "--fail-above", type=options.Number(0), metavar="JND", help="End with exit code 3 above this error."
)
@options.device
@options.overwrite
@options.quiet
@options.json_
def check(
    chip: str, folder: str, fail_above: float | None, quiet: bool, json_: bool, **settings: Any
) -> None:
    """Sharpen a chip and compare the result with its target.

    CHIP is a file of make-chips or make-scenes. Prints the mean ΔE in just-noticeable differences
    and the PSNR, and writes a picture of the target and one of the output.
    """
    from potato.training import check

    result = check.check_chip(chip, folder=folder, **settings)
    options.tell(result, quiet, json_)
    if fail_above is not None and not result.delta_e <= fail_above:
        raise click.exceptions.Exit(3)
