"""`potato fake-chips`."""

from typing import Any

import click

from potato.cli import chip_options, options


@click.command()
@chip_options.chip_dir
@chip_options.count
@chip_options.starting_from
@click.option("--seed", type=options.Whole(), default=0, show_default=True, help="Seed of everything random.")
@click.option(
    "--reflectances",
    type=click.Path(),
    metavar="CSV",
    help="CSV of surfaces, as get-reflectance prints them.  [default: the packaged list]",
)
@chip_options.chip_size
@chip_options.sensor
@options.workers
@options.printed
def fake_chips(**settings: Any) -> Any:
    """Fake training chips of rare, difficult surfaces.

    A patch is two surfaces, mixed by 1/f² noise; a chip is several patches side by side, such as
    blue roofs beside safety yellow, with the texture of natural ground. Chip n of a seed is always
    the same.
    """
    from potato.chips import fake

    return fake.fake_chips(**settings)
