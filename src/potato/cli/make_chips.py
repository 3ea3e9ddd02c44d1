"""`potato make-chips`."""

from typing import Any

import click

from potato.cli import chip_options, options


@click.command()
@click.option(
    "--ard-dir",
    required=True,
    metavar="ARD",
    help="The ARD to cut from: a local folder, s3://bucket/prefix, or https://….",
)
@chip_options.chip_dir
@chip_options.count
@chip_options.starting_from
@click.option(
    "--sensor",
    "sensors",
    metavar="NAME",
    multiple=True,
    default=("WV02", "WV03"),
    show_default=True,
    help="A sensor whose tiles to cut; may be repeated, for sensors with the same bands.",
)
@options.allow_list
@options.max_clouds
@click.option(
    "--minimum-valid",
    type=options.Number(0, 1, min_open=True),
    default=0.99,
    show_default=True,
    help="Share of a chip that must be valid.",
)
@click.option(
    "--extra-halving/--no-extra-halving",
    default=True,
    show_default=True,
    help="Whether to make the truth coarser by 2 first, which sheds artefacts.",
)
@chip_options.chip_size
@click.option("--log", type=click.Path(), metavar="FILE", help="File to add a line to for each chip.")
@options.workers
@options.cluster
@options.follow_links
@options.quiet
@options.json_
def make_chips(quiet: bool, json_: bool, **settings: Any) -> None:
    """Cut training chips out of an ARD.

    Chip n of an ARD is always the same. Chips that are there already stay, so repeating the command
    finishes a run that was cut short.
    """
    from potato.chips import make

    tell = None if quiet else chip_options.warn
    made = make.make_chips(progress=not quiet, tell=tell, **settings)
    options.tell(made, quiet, json_)
