"""`potato make-scenes`."""

from typing import Any

import click

from potato.cli import chip_options, options


@click.command()
@click.argument("chip_dir", metavar="DIR", type=click.Path())
@chip_options.count
@chip_options.starting_from
@click.option(
    "--seed", type=options.Whole(), default=0, show_default=True, help="Another seed gives other scenes."
)
@chip_options.chip_size
@chip_options.sensor
@options.photographs
@click.option(
    "-j",
    "--workers",
    type=options.WholeRange(1, 1024),
    default=1,
    show_default=True,
    help="Worker processes.",
)
@options.printed
def make_scenes(**settings: Any) -> Any:
    """Simulate scenes and write them as chips, with their truth as the target.

    DIR gets 0.pt, 1.pt, … and manifest.jsonl. Scenes have artefacts of an imager, so train on them
    with --no-instrument. `potato train --scenes` simulates such scenes without writing them.
    """
    from potato.chips import scenes

    return scenes.make_scenes(**settings)
