"""`potato fake-chips`."""

from typing import Any

import click

from potato.cli import chip_options, options


@click.command()
@chip_options.chip_dir
@chip_options.count
@chip_options.starting_from
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed gives other chips.")
@click.option(
    "--reflectances",
    type=click.Path(),
    metavar="CSV",
    help="A list of surfaces, as get-reflectance writes them.  [default: the packaged list]",
)
@chip_options.chip_size
@options.workers
@options.printed
def fake_chips(**settings: Any) -> Any:
    """Invent training chips of rare, difficult surfaces.

    Pairs of surfaces are mixed by 1/f² noise, and several such patches are cut together: blue roofs
    beside safety yellow, with the texture of natural ground. Chip n of a seed is always the same.
    """
    from potato.chips import fake

    return fake.fake_chips(**settings)
