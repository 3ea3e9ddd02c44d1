"""`potato fuse-ard`."""

import contextlib
import datetime
from collections.abc import Callable, Iterator
from typing import Any

import click

from potato.cli import options
from potato.cli.output import complain

MOSAICS = ("pass", "event", "mbtiles", "pmtiles")


class FuseArd(click.Command):
    """The command, whose --mosaic may stand alone; then it means each pass."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give a --mosaic that stands alone its value."""
        following = [*args[1:], ""]
        named = (
            "--mosaic=pass" if arg == "--mosaic" and after not in MOSAICS else arg
            for arg, after in zip(args, following, strict=True)
        )
        return super().parse_args(ctx, list(named))


def _kind(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    return "cog" if value == "pass" else value


def _cids(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(cid.strip() for cid in (value or "").split(",") if cid.strip())


# West and south may begin with a minus; click takes them for numbers, since no option is a number.
@click.command(cls=FuseArd)
@click.argument("ard")
@click.argument("output", metavar="OUT", type=click.Path())
@options.choosing
@click.option(
    "--mosaic",
    type=click.Choice(MOSAICS),
    callback=_kind,
    help="Also join the tiles: of each CID and zone into one picture (pass, which may be left out); or all "
    "of them into one in Web Mercator, the pass with the fewest clouds on top, then the newest: a GeoTIFF "
    "(event) or web tiles (mbtiles, pmtiles).",
)
@click.option(
    "--order",
    metavar="CID,CID…",
    callback=_cids,
    help="Passes to have on top in a mosaic of all, the best first.",
)
@click.option("--vrt", is_flag=True, help="Also join them as a VRT, which copies no pixels.")
@click.option(
    "--crop-to-square",
    cls=options.RenamedOption,
    old_names=["--crop-to-cell"],
    is_flag=True,
    help="Leave out the overlap that neighbouring tiles share.",
)
@options.weights
@options.rendering
@options.grading
@options.profile
@options.creation_options
@options.device
@click.option(
    "-j",
    "--workers",
    type=options.WholeRange(1, 1024),
    help="Tiles at work at once, each in a process.  [default: one per core; on a GPU always one]",
)
@options.cluster
@click.option("--retry-failed", is_flag=True, help="Try tiles again that failed in an earlier run.")
@click.option("--overwrite", is_flag=True, help="Make pictures again that were made with other options.")
@options.follow_links
@click.option("--dry-run", is_flag=True, help="Only say what there is to do and what it would cost.")
@click.option("-v", "--verbose", is_flag=True, help="Print a line on stderr for each tile that ends.")
@click.option("--log", type=click.Path(), metavar="FILE", help="Add such lines to a file, with times.")
@options.quiet
@options.json_
def fuse_ard(
    quiet: bool, json_: bool, verbose: bool, log: str | None, vrt: bool, mosaic: str | None, **settings: Any
) -> None:
    """Sharpen the tiles of an ARD, by the thousand.

    ARD is a folder, s3://…, or https://…, also of an event's collection. OUT is the folder for the
    pictures: OUT/zone/quadkey/date/CID.tif, each with a STAC item, and manifest.jsonl with the
    outcome of every tile. Repeat the command to finish a run that was cut short. Exit code 3 says
    that some tiles failed.
    """
    from potato.fusion import ard

    if vrt and mosaic:
        raise click.UsageError("expected --mosaic or --vrt, found both")
    settings["mosaic"] = "vrt" if vrt else mosaic
    with _teller(verbose, log) as say:
        result = ard.fuse_ard(progress=not (quiet or verbose), say=say, **settings)
    options.tell(result, quiet, json_, complete=result.complete)
    if not result.complete:
        if quiet and not json_:
            complain(result)  # what failed is an error
        raise click.exceptions.Exit(3)


@contextlib.contextmanager
def _teller(verbose: bool, log: str | None) -> Iterator[Callable[[str], None] | None]:
    """A function that gives a line to stderr, a file, or both; None if neither is asked for."""
    if not (verbose or log):
        yield None
        return
    from potato.raster.output_files import check_log, open_log

    with contextlib.ExitStack() as stack:
        add = stack.enter_context(open_log(check_log(log))) if log is not None else None

        def say(line: str) -> None:
            if verbose:
                complain(line)
            if add:
                add(f"{datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')} {line}")

        yield say
