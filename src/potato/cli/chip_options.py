"""Options shared by the commands that make chips."""

import click

from potato.cli.options import BAND_SET_NAMES, MOST_SIDE, Decorator, WholeRange
from potato.cli.output import complain

chip_dir: Decorator = click.option(
    "--chip-dir",
    required=True,
    type=click.Path(),
    metavar="DIR",
    help="Folder for 0.pt, 1.pt, … and manifest.jsonl; made if it isn't there.",
)
count: Decorator = click.option(
    "-n", "--count", type=WholeRange(1), default=1024, show_default=True, help="How many chips."
)
starting_from: Decorator = click.option(
    "-s",
    "--starting-from",
    type=WholeRange(0, 999_999_999),
    default=0,
    show_default=True,
    help="Number of the first chip.",
)
chip_size: Decorator = click.option(
    "--size",
    type=WholeRange(4, MOST_SIDE),
    default=512,
    show_default=True,
    help="Side of a chip in pan pixels, a multiple of the sensor's ratio, which is 4 but for Landsat.",
)
sensor: Decorator = click.option(
    "--sensor",
    metavar="NAME",
    default="worldview",
    show_default=True,
    help=f"{BAND_SET_NAMES}: each chip is seen by a random sensor of the set. Or the name of one sensor.",
)


def warn(warning: str) -> None:
    """Print a warning on stderr."""
    complain(f"potato: warning: {warning}")
