"""`potato demo`."""

from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("folder", type=click.Path(), default="demo-out")
@click.option("--landsat", is_flag=True, help="Sharpen a real Landsat scene, as USGS delivers it.")
@options.weights
@click.option(
    "--size",
    type=options.WholeRange(256, options.MOST_SIDE),
    help="Simulate a pair whose pan has this side, in pixels.",
)
@click.option("--seed", type=options.Whole(), help="Simulate a pair with this seed.")
@options.device
@options.open_page
@options.overwrite
@options.quiet
@options.json_
def demo(open_: bool, quiet: bool, json_: bool, **settings: Any) -> None:
    """Sharpen a simulated pair or a real scene, and show the result.

    Writes to FOLDER (demo-out): the pair or the scene, the sharpened GeoTIFF, a PNG with pan, the
    enlarged mul and the result side by side, and an HTML page (report) to inspect them in a
    browser. The truth of a simulated pair is known: the output tells how far the result is from it,
    and how far the predictor without weights; a PNG shows the place where they differ most. Pair
    and scene come with the package; --size or --seed simulates another pair and needs the extra
    'workshop'.
    """
    from potato import demonstration

    result = demonstration.demo(progress=not quiet, **settings)
    options.tell(result, quiet, json_)
    if open_:
        click.launch(str(result.report))
