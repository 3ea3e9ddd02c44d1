"""Options that more than one command has: defined once, the same everywhere."""

import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Any

import click

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
cluster: Decorator = click.option(
    "--cluster",
    metavar="WHERE",
    help="Let Dask's workers do it: local, or those of a scheduler, tcp://host:8786.",
)
follow_links: Decorator = click.option(
    "--follow-links", is_flag=True, help="Also read what lies outside of the ARD, where its links lead."
)
overwrite: Decorator = click.option(
    "--overwrite", is_flag=True, help="Replace an output that is there already."
)
photographs: Decorator = click.option(
    "--photographs",
    type=click.Path(),
    metavar="DIR",
    help="Folder of aerial photographs whose shapes most simulated scenes take.",
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
look: Decorator = click.option(
    "--look",
    type=click.Choice(["natural", "flat"]),
    default="natural",
    show_default=True,
    help="natural: 8 bits, toned for viewing. flat: 16 bits, colorimetric, for grading.",
)
exposure: Decorator = click.option(
    "--exposure", type=click.FloatRange(0.1, 100), help="How much natural lifts the darks."
)
contrast: Decorator = click.option(
    "--contrast", type=click.FloatRange(0.2, 5), help="How much natural deepens shadows."
)
profile: Decorator = click.option(
    "--profile",
    type=click.Choice(["cog", "tiled"]),
    default="cog",
    show_default=True,
    help="cog: Cloud Optimized GeoTIFF with overviews. tiled: plain GeoTIFF, the fastest.",
)


def picture(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that makes a picture out of pictures."""
    for option in (json_, quiet, overwrite, workers, creation_options, profile):
        command = option(command)
    return command


def show_progress(quiet: bool) -> bool:
    """Whether somebody sees a progress bar and wants one."""
    return not quiet and sys.stderr.isatty()


def tell(result: Any, quiet: bool, json_: bool, **others: Any) -> None:
    """Print what a command did: a dataclass or several, as lines, as JSON, or not at all.

    `others` stand in the JSON besides, or in place of, what the dataclass holds.
    """
    several = result if isinstance(result, tuple) else (result,)
    if json_:
        facts = [{**dataclasses.asdict(each), **others} for each in several]
        click.echo(json.dumps(facts if isinstance(result, tuple) else facts[0], default=str))
    elif not quiet:
        for each in several:
            click.echo(each)
