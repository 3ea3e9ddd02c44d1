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
    metavar="FILE",
    type=click.Path(),
    default="ratings.csv",
    show_default=True,
    help="Table to write, best CID first.",
)
@click.option(
    "--allow-list",
    metavar="FILE",
    type=click.Path(),
    help="Allow-list to write, for make-chips and fuse-ard.",
)
@click.option("--top", type=options.WholeRange(1), help="The most CIDs on the allow-list.")
@click.option(
    "--above", type=options.Number(0, 1), help="Index that CIDs on the allow-list exceed.  [default: 0]"
)
@click.option(
    "--sheet", metavar="FILE", type=click.Path(), help="HTML page to write, to view and change ratings."
)
@click.option(
    "--tiles-per-cid",
    type=options.WholeRange(1),
    default=16,
    show_default=True,
    help="The most tiles of each CID to read.",
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

    rated = rating.rate_cids(progress=not quiet, **settings)
    rows = [{**dataclasses.asdict(one), "index": one.index} for one in rated.ratings]
    options.tell(rated, quiet, json_, ratings=rows)
