"""`potato demo`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("folder", type=click.Path(), default="demo-out")
@options.weights
@click.option(
    "--size", type=click.IntRange(256), default=2048, show_default=True, help="Pan pixels along a side."
)
@click.option("--seed", type=int, default=8, show_default=True, help="Which ground to invent.")
@options.device
@options.overwrite
@options.quiet
def demo(folder: str, quiet: bool, **settings: Any) -> None:
    """Invent a pair of images, sharpen it, and show what came out.

    Writes five files to FOLDER (demo-out): the pair, the sharpened GeoTIFF, a PNG with pan, the plainly
    enlarged colour and the result side by side, and a page to look at them closely in a browser (report).
    """
    from potato import demonstration

    result = demonstration.demo(folder, progress=options.show_progress(quiet), **settings)
    if not quiet:
        click.echo(result)
