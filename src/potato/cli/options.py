"""Options that several commands have, each defined once, and the printing of results."""

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import click

from potato.cli.output import say
from potato.core.band_sets import BAND_SETS

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

BAND_SET_NAMES = " or ".join(", ".join(each.name for each in BAND_SETS).rsplit(", ", 1))
"""The names of band sets, for the help of an option."""


MOST_WHOLE = 1 << 53
"""The largest whole number of an option; beyond, those of JSON aren't exact."""

MOST_SIDE = 32_768
"""Pixels along a side of what is simulated: more takes more than 100 GB of memory."""


class RenamedOption(click.Option):
    """An option that still answers to names from earlier versions, which the help doesn't list.

    Example:
        >>> option = click.option("--max-chroma", cls=RenamedOption, old_names=["--reach"])
    """

    def __init__(self, *names: Any, old_names: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.old_names = old_names

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Add all names to the parser of the command line."""
        names = self.opts
        self.opts = [*names, *self.old_names]
        super().add_to_parser(parser, ctx)
        self.opts = names


class Finite(click.types.FloatParamType):
    """A finite number.

    Shells and programs write `nan` for the result of a calculation that went wrong, and no limit
    refuses it, since every comparison with it is false.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; a usage error if it isn't finite."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"expected a number, found {value}", param, ctx)
        return number


class Number(Finite, click.FloatRange):
    """A finite number within limits, which are those of `click.FloatRange`."""


class Whole(click.types.IntParamType):
    """A whole number that fits into 64 bits, as libraries want it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; a usage error if it is too large."""
        number = super().convert(value, param, ctx)
        if abs(number) > MOST_WHOLE:
            self.fail(f"expected a number of at most {MOST_WHOLE:,}, found {value}", param, ctx)
        return number


class WholeRange(Whole, click.IntRange):
    """Such a number within limits, which are those of `click.IntRange`."""


class NumbersOption(click.Option):
    """An option of several numbers, which may be one argument with commas between them.

    Example:
        >>> option = click.option("--bbox", cls=NumbersOption, type=float, nargs=4)
    """

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser of the command line take numbers with commas apart first."""
        super().add_to_parser(parser, ctx)
        parse = parser.parse_args
        parser.parse_args = lambda args: parse(args=self._split(args))

    def _split(self, arguments: Sequence[str]) -> list[str]:
        found: list[str] = []
        for argument in arguments:
            name, _, value = argument.partition("=")
            if name in self.opts and "," in value:
                found += [name, *self._numbers(value)]
            elif found and found[-1] in self.opts and "," in argument:
                found += self._numbers(argument)
            else:
                found.append(argument)
        return found

    def _numbers(self, text: str) -> list[str]:
        numbers = text.replace(",", " ").split()
        if len(numbers) != self.nargs:
            raise click.UsageError(f"expected {self.metavar} after {self.opts[0]}, found {text}")
        return numbers


def _as_dict(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Turn the values NAME=VALUE of a repeated option into a dict."""
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"expected NAME=VALUE, found {value}")
    return dict(value.split("=", 1) for value in values)


def _choice(name: str, choices: Sequence[str], meaning: str) -> Decorator:
    """An option with choices, the first of which is the default."""
    return click.option(name, type=click.Choice(choices), default=choices[0], show_default=True, help=meaning)


weights: Decorator = click.option(
    "-w",
    "--weights",
    metavar="FILE|NAME",
    help="A Potato checkpoint, weights that 'potato sensors' names, SESSION[/EPOCH] of train, or "
    "'predictor' for no network.  [default: those of the sensor]",
)
device: Decorator = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="Where to compute: auto, cpu, cuda, cuda:N or mps.",
)
workers: Decorator = click.option(
    "-j",
    "--workers",
    type=WholeRange(1, 1024),
    help="How many blocks, chips or tiles to work on at once.  [default: one per core]",
)
cluster: Decorator = click.option(
    "--cluster",
    metavar="WHERE",
    help="Run on Dask workers: 'local', or the address of a scheduler, tcp://host:8786.",
)
follow_links: Decorator = click.option(
    "--follow-links", is_flag=True, help="Also read files outside the ARD to which its links lead."
)
overwrite: Decorator = click.option("--overwrite", is_flag=True, help="Replace existing outputs.")
photographs: Decorator = click.option(
    "--photographs",
    type=click.Path(),
    metavar="DIR",
    help="Folder of aerial photographs from which most simulated scenes take their shapes.",
)
open_page: Decorator = click.option("--open", "open_", is_flag=True, help="Open the page in the browser.")
quiet: Decorator = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
json_: Decorator = click.option("--json", "json_", is_flag=True, help="Print the result as JSON.")
creation_options: Decorator = click.option(
    "-co",  # as GDAL's own programs have it
    "--co",
    "creation_options",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_as_dict,
    help="GDAL creation option, added to those of the profile; may be repeated.",
)
bbox: Decorator = click.option(
    "--bbox",
    cls=NumbersOption,
    type=float,
    nargs=4,
    metavar="W S E N",
    help="West, south, east and north in degrees: only the ground between; commas are fine.",
)
aoi: Decorator = click.option(
    "--aoi",
    type=click.Path(),
    metavar="FILE",
    help="Only the polygons of this file: GeoJSON or, with the extra 'vectors', a GeoPackage, a "
    "shapefile, KML, …",
)
cids: Decorator = click.option(
    "--cid", "cids", metavar="CID", multiple=True, help="A CID to choose; may be repeated.  [default: all]"
)
allow_list: Decorator = click.option(
    "--allow-list",
    type=click.Path(),
    metavar="FILE",
    help="A text file of the CIDs to choose, one a line, as rate-cids writes it.",
)
dates: Decorator = click.option(
    "--date", "dates", metavar="A/B", help="A day, such as 2024-12-14; or from A to B; A/ and /B are open."
)
max_clouds: Decorator = click.option(
    "--max-clouds",
    type=Number(0, 100),
    default=100.0,
    metavar="PERCENT",
    help="The most cloud that a tile may have, as its item says.  [default: any]",
)
look: Decorator = _choice(
    "--look",
    ("natural", "clear", "vivid", "flat"),
    "natural: 8 bits, soft, for viewing. clear: with more contrast, asphalt and concrete are grey. vivid: "
    "with more contrast and colour still. flat: 16 bits, colorimetric, for grading.",
)
exposure: Decorator = click.option(
    "--exposure",
    type=Number(0.1, 100),
    help="Exposure of the look: about how many times brighter dark areas become.",
)
contrast: Decorator = click.option(
    "--contrast",
    type=Number(0.2, 5),
    help="Contrast of the look: above 1, shadows are deeper.",
)
grade: Decorator = click.option(
    "--grade",
    is_flag=True,
    help="Measure black point and white point once, on all that belongs together, and keep them in a JSON "
    "beside the output: grey ground becomes grey, and its brightest parts bright.",
)
grade_from: Decorator = click.option(
    "--grade-from",
    type=click.Path(),
    metavar="FILE",
    help="Take black point and white point from such a JSON.",
)
bands: Decorator = click.option(
    "--bands",
    metavar="NAMES",
    default="",
    help="Write these bands, such as nir1,red,green, or 'all', as reflectance × 10,000 in 16 bits, "
    "instead of a picture.",
)
composite: Decorator = click.option(
    "--composite",
    metavar="NAMES",
    default="",
    help="Three bands that the picture shows as red, green and blue, such as nir,red,green.",
)
profile: Decorator = _choice(
    "--profile",
    ("cog", "tiled"),
    "cog: Cloud Optimized GeoTIFF with overviews. tiled: plain GeoTIFF, faster to write.",
)


def _add(command: Command, *options: Decorator) -> Command:
    """Add options to a command, in the order of the help."""
    for option in reversed(options):
        command = option(command)
    return command


def choosing(command: Command) -> Command:
    """Add the options that choose tiles of an ARD."""
    return _add(command, cids, allow_list, bbox, aoi, dates, max_clouds)


def rendering(command: Command) -> Command:
    """Add --look, --exposure and --contrast, which reach the command as one `look`."""

    @functools.wraps(command)
    def run(*, look: str, exposure: float | None, contrast: float | None, **settings: Any) -> Any:
        from potato.core import render

        return command(look=render.adjust(render.LOOKS[look], exposure, contrast), **settings)

    return _add(run, look, exposure, contrast)


def grading(command: Command) -> Command:
    """Add --grade and --grade-from, which reach the command as one `grade`."""

    @functools.wraps(command)
    def run(*, grade: bool, grade_from: str | None, **settings: Any) -> Any:
        if grade and grade_from:
            raise click.UsageError("expected --grade or --grade-from, found both")
        return command(grade=grade_from or grade, **settings)

    return _add(run, grade, grade_from)


def _numbers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[float, ...]:
    """Turn numbers with commas between into a tuple."""
    try:
        numbers = tuple(float(part) for part in (value or "").split(",") if value)
    except ValueError as error:
        raise click.BadParameter(f"expected numbers with commas between, found {value}") from error
    if parameter.name == "scale" and not all(0 < number < math.inf for number in numbers):
        raise click.BadParameter(f"expected numbers above 0, found {value}")
    return numbers


sensor: Decorator = click.option(
    "--sensor",
    metavar="NAME",
    help="The sensor, as 'potato sensors' lists it.  [default: what the files say]",
)
band_order: Decorator = click.option(
    "--band-order",
    metavar="NAMES",
    default="",
    callback=lambda _, __, value: tuple(name.strip() for name in value.split(",") if name.strip()),
    help="Names of mul's bands in the order of its file, such as red,green,blue,nir.",
)
scale: Decorator = click.option(
    "--scale",
    metavar="NUMBERS",
    callback=_numbers,
    help="Reflectance of one count, such as 0.0001; one number, or one for pan and one for each band in "
    "the order of mul's file.",
)
nodata: Decorator = click.option(
    "--nodata",
    metavar="NUMBERS",
    callback=_numbers,
    help="Value of invalid pixels; one number, or one for pan and one for each band in the order of mul's "
    "file.",
)
calibrate: Decorator = click.option(
    "--calibrate",
    type=click.Choice(["auto", "none", "toa", "surface"]),
    default="auto",
    show_default=True,
    help="What counts of a delivery become. toa: reflectance above the atmosphere. surface: toa without "
    "haze. auto: surface where metadata allow it.",
)
product: Decorator = click.option(
    "--product", metavar="NAME", help="The product to take of several in a delivery, such as P002."
)
allow_missing: Decorator = click.option(
    "--allow-missing", is_flag=True, help="Leave a hole where a file is missing that the metadata name."
)
READING = sensor, band_order, scale, nodata
"""Options that say how files are to be read."""

READING_DELIVERIES = *READING, calibrate, product, allow_missing
"""The same for deliveries, as vendors make them."""


def reading(command: Command, options: Sequence[Decorator] = READING) -> Command:
    """Add options of `Reading`, which reach the command as one `reading`."""

    @functools.wraps(command)
    def run(**settings: Any) -> Any:
        from potato.raster.layer import Reading

        names = [field.name for field in dataclasses.fields(Reading)]
        chosen = {name: settings.pop(name) for name in names if name in settings}
        return command(reading=Reading(**chosen), **settings)

    return _add(run, *options)


reading_deliveries = functools.partial(reading, options=READING_DELIVERIES)


def printed(command: Command) -> Command:
    """Add --quiet and --json, pass `progress`, and print the result that the command returns."""

    @functools.wraps(command)
    def run(*, quiet: bool, json_: bool, **settings: Any) -> None:
        tell(command(progress=not quiet, **settings), quiet, json_)

    return _add(run, quiet, json_)


def picture(command: Command) -> Command:
    """Add the options of a command that makes pictures from pictures and returns what it wrote."""
    return _add(printed(command), profile, creation_options, workers, overwrite)


def tell(result: Any, quiet: bool, json_: bool, **others: Any) -> None:
    """Print the result of a command: as lines, as JSON, or not at all.

    Args:
        result: a dataclass, or a tuple of them.
        quiet: whether to print no lines.
        json_: whether to print JSON, even if `quiet`.
        **others: entries of the JSON that are added to the fields of each dataclass, or replace
            them.
    """
    several = result if isinstance(result, tuple) else (result,)
    if json_:
        facts = [{**dataclasses.asdict(each), **others} for each in several]
        say(json.dumps(facts if isinstance(result, tuple) else facts[0], default=str))
    elif not quiet:
        for each in several:
            say(each)
