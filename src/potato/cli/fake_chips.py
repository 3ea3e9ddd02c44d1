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
@options.quiet
@options.json_
def fake_chips(chip_dir: str, quiet: bool, json_: bool, **settings: Any) -> None:
    """Invent training chips of rare, difficult surfaces.

    Pairs of surfaces are mixed by 1/f² noise, and several such patches are cut together: blue roofs
    beside safety yellow, with the texture of natural ground. Chip n of a seed is always the same.
    """
    from potato.chips import fake

    bar = options.show_progress(quiet)
    made = fake.fake_chips(chip_dir, progress=bar, **settings)
    options.tell(made, quiet, json_)
