"""`potato link-chips`."""

import json
from fractions import Fraction
from typing import Any

import click

from potato.cli import options
from potato.cli.output import say


def _weights(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Fraction]:
    """Parse `DIR=1/32` options into a dict."""
    found = {}
    for value in values:
        folder, _, share = value.rpartition("=")
        try:
            found[folder] = Fraction(share)
        except (ValueError, ZeroDivisionError) as error:
            raise click.BadParameter(
                f"expected DIR=SHARE such as {folder or 'chips/fake'}=1/32, found {value}"
            ) from error
    return found


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path())
@click.argument("chip_dir", metavar="POOL", type=click.Path())
@click.option(
    "--weight",
    "weights",
    metavar="DIR=SHARE",
    multiple=True,
    callback=_weights,
    help="Share of the pool that comes from a source, such as chips/fake=1/32; may be repeated.",
)
@click.option("--relative", is_flag=True, help="Make the links relative to the pool.")
@click.option(
    "--split",
    type=options.Number(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Put this share of the chips in POOL/train and the rest in POOL/test; no ground is in both.",
)
@click.option(
    "--apart-from",
    type=click.Path(),
    metavar="POOL",
    multiple=True,
    help="Pool that must not share a chip with this one; may be repeated.",
)
@options.quiet
@options.json_
def link_chips(sources: tuple[str, ...], chip_dir: str, quiet: bool, json_: bool, **settings: Any) -> None:
    """Mix folders of chips into one pool of links.

    SOURCES are folders of chips. POOL, new or empty, gets links 0.pt, 1.pt, … to their chips,
    shuffled so that the first n are a fair mix for every n. Nothing is overwritten.
    """
    from potato.chips import link

    linked = link.link_chips(sources, chip_dir, **settings)
    if json_:
        say(json.dumps({str(name): counts for name, counts in linked.pools.items()}))
    elif not quiet:
        say(linked)
