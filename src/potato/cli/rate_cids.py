"""`potato rate-cids`."""

import dataclasses
from typing import Any

import click

from potato.cli import options


@click.command()
@click.argument("ard")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    default="ratings.csv",
    show_default=True,
    help="The table to write, best first.",
)
@click.option("--allow-list", type=click.Path(), help="An allow-list to write, as make-chips takes it.")
@click.option("--top", type=click.IntRange(1), help="How many CIDs the allow-list holds at most.")
@click.option("--above", type=click.FloatRange(0, 1), help="An index that those on it exceed.")
@click.option("--sheet", type=click.Path(), help="A page to write, to look at ratings and change them.")
@click.option(
    "--tiles-per-cid",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="How many tiles of each CID are looked at.",
)
@options.workers
@options.cluster
@options.follow_links
@options.overwrite
@options.quiet
@options.json_
def rate_cids(quiet: bool, json_: bool, **settings: Any) -> None:
    """Rate every CID of an ARD from 0 to 4 on seeing, water and interest.

    ARD is a folder, s3://…, or https://…; only overviews are read. The index is
    (water / 4)^½ · (interest / 4)² · max(0, seeing − 3).
    """
    from potato.ard import rating

    rated = rating.rate_cids(progress=options.show_progress(quiet), **settings)
    rows = [{**dataclasses.asdict(one), "index": one.index} for one in rated.ratings]
    options.tell(rated, quiet, json_, ratings=rows)
