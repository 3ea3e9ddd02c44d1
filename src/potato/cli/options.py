"""Options that more than one command has: defined once, the same everywhere."""

from collections.abc import Callable
from typing import Any

import click

__all__ = ["creation_options", "device", "json_", "overwrite", "quiet", "weights", "workers"]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE` options as a dict."""
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"expected NAME=VALUE, found {value}")
    return dict(value.split("=", 1) for value in values)


weights: Decorator = click.option(
    "-w",
    "--weights",
    metavar="FILE",
    help="A checkpoint of ours, or 'predictor' for the bare predictor.  [default: the shipped weights]",
)
device: Decorator = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."
)
workers: Decorator = click.option(
    "-j",
    "--workers",
    type=click.IntRange(1, 1024),
    help="Blocks at work at once.  [default: one per core]",
)
overwrite: Decorator = click.option(
    "--overwrite", is_flag=True, help="Replace an output that is there already."
)
quiet: Decorator = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
json_: Decorator = click.option("--json", "json_", is_flag=True, help="Print the result as JSON.")
creation_options: Decorator = click.option(
    "--co",
    "creation_options",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_pairs,
    help="A GDAL creation option, on top of the profile's; may be repeated.",
)
