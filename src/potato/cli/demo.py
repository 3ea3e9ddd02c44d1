"""`potato demo`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("folder", type=click.Path(), default="demo-out")
@options.weights
@click.option(
    "--size", type=click.IntRange(256), default=2048, show_default=True, help="Side of pan in pixels."
)
@click.option("--seed", type=int, default=8, show_default=True, help="Seed of the simulated ground.")
@options.device
@options.overwrite
@options.quiet
def demo(quiet: bool, **settings: Any) -> None:
    """Simulate a pair, sharpen it, and show the result.

    Writes five files to FOLDER (demo-out): the pair, the sharpened GeoTIFF, a PNG with pan, the
    enlarged mul and the result side by side, and an HTML page (report) to inspect them in a
    browser.
    """
    from potato import demonstration

    result = demonstration.demo(progress=options.show_progress(quiet), **settings)
    options.tell(result, quiet, json_=False)
