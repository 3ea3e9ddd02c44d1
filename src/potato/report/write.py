"""The tool that writes a report: finished pictures in, one page out."""

import contextlib
import itertools
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from potato.core.draw import PRIMARIES
from potato.core.full_scale import FullScale
from potato.core.statistics import Difference
from potato.core.text import counted, redact
from potato.core.types import PathLike
from potato.core.windows import PixelWindow
from potato.errors import EmptyError, InputError
from potato.fusion.inputs import open_inputs
from potato.raster.atomic import write_whole
from potato.raster.coordinates import Grid, crs_name
from potato.raster.gdal_env import gdal
from potato.raster.image import Image
from potato.raster.layer import Reading
from potato.raster.output_files import check_output, keep_inputs
from potato.raster.pair import Pair
from potato.raster.pictures import check_same_grid
from potato.report.crop import choose_window
from potato.report.figures import count_codes, draw_chroma, measure_full_scale
from potato.report.layers import (
    MOST_DIFFERENCE,
    MUL_NAME,
    PageLayer,
    ShownPair,
    ShownPicture,
    difference_layer,
    read_shown_pair,
    read_shown_picture,
)
from potato.report.page import Card, Page, Table, make_page
from potato.report.pyramid import pyramids
from potato.viewing.blocks import name_of
from potato.viewing.reflectance import Colours, common_look, open_colours, sensor_of_pictures

LONGEST_TAG = 400
"""Characters of a tag that the page shows."""

GREY_WEIGHT = 0.45
"""Bytes of a layer of one channel, relative to one of three: measured on dithered pictures."""

_FULL_SCALE = {
    "fringe": "mean, lower is better",
    "p99 of a": "cars, roof edges; lower is better",
    "p99 of b": "the same",
    "p99 of both": "the same",
    "noise, ground": "lower is better",
    "noise, vegetation": "lower is better",
    "detail": "1 is best",
    "consistency": "with mul",
}
"""Columns of figures against a pair."""


@dataclass(frozen=True)
class Report:
    """The result of `write_report`.

    Attributes:
        output: the page.
        layers: names of the layers that the page can show.
        window: the part of the pictures in full detail.
        notes: sentences of the page about its content and its gaps.
        size: bytes of the page.
        seconds: duration.
    """

    output: Path
    layers: tuple[str, ...]
    window: PixelWindow
    notes: tuple[str, ...]
    size: int
    seconds: float

    def __str__(self) -> str:
        """The line that the command prints."""
        return f"{self.output}: {self.size / 1e6:.1f} MB in {self.seconds:.1f} s. {self.notes[0]}"


def write_report(
    pictures: Sequence[PathLike],
    output: PathLike,
    *,
    pair: tuple[PathLike, PathLike | None] | None = None,
    reading: Reading | None = None,
    window: Sequence[int] | None = None,
    overwrite: bool = False,
) -> Report:
    """Compare finished pictures of the same ground in one page that works without a network.

    Args:
        pictures: one or more pictures of 8 or 16 bits on one grid; anything GDAL opens. The others
            are compared with the first. Reflectance × 10,000, of red, green and blue or of all
            bands of the sensor, is shown as a picture in the look of the first.
        output: the HTML file to write.
        pair: the pan and mul from which the pictures were made, or a delivery and None, as
            `fusion.pipeline.fuse` takes them; the page then shows both, and measures each picture
            against them.
        reading: how to read the pair, where it doesn't say it itself.
        window: row, column, height and width in pixels of the part to show in full detail and to
            measure; None for all of a small picture and the middle of a large one.
        overwrite: whether to replace an existing file.

    Raises:
        InputError, BandError, GridError, PairError, DeliveryError: if an input can't be used.
        EmptyError: if nothing in the window is valid.
        OutputError, OutputExists: if the page can't be written.
    """
    started = time.perf_counter()
    path = check_output(output, overwrite, [*pictures, *(pair or ())], [".html", ".htm"])
    if not pictures:
        raise InputError("expected one picture or more to report on, found none")
    with gdal(), contextlib.ExitStack() as stack:
        inputs = open_inputs(*pair, reading or Reading(), path.parent) if pair else None
        opened = stack.enter_context(inputs) if inputs else None
        sensor = opened.sensor if opened else sensor_of_pictures(pictures)
        shown = [stack.enter_context(open_colours(picture, sensor)) for picture in pictures]
        images = [one.image for one in shown]
        for other in [*images[1:], *([opened.pan] if opened else [])]:
            check_same_grid(images[0], other)
        files = [name for image in images for name in image.files]
        keep_inputs(path, files + (opened.files if opened else []))
        page = _compose(shown, opened, window)
    text = make_page(page).encode()
    check_output(output, overwrite)
    write_whole(path, text)
    return Report(
        path,
        tuple(layer["name"] for layer in page.layers),
        page.window,
        tuple(page.notes),
        len(text),
        time.perf_counter() - started,
    )


def _compose(shown: Sequence[Colours], pair: Pair | None, wanted: Sequence[int] | None) -> Page:
    """Read and measure everything on the page."""
    images, look = [one.image for one in shown], common_look(shown)
    grid, full = images[0].grid, _names(images)
    names = _short(full)
    window = choose_window(
        grid, wanted, layers=_weight(len(images), pair is not None), step=pair.ratio if pair else 1
    )
    pictures = [read_shown_picture(one, window, name, look) for one, name in zip(shown, names, strict=True)]
    if not any(bool(picture.valid.any()) for picture in pictures):
        raise EmptyError(f"expected valid pixels in {window}, found none; name another place with --window")
    seen, pair_layers = read_shown_pair(pair, window, look) if pair else (None, [])
    differences, tables = _differences(pictures, seen)
    layers = [*(picture.layer for picture in pictures), *reversed(pair_layers), *differences]
    if seen:
        tables.append(_pair_table(pictures, seen))
    return Page(
        title=" · ".join(full),
        summary=_summary(grid, len(pictures), pair),
        notes=_notes(grid, window, pictures, seen, layers, look.name),
        size=(grid.height, grid.width),
        window=window,
        layers=pyramids(layers),
        start=(0, 1) if len(pictures) > 1 else (len(pictures) if pair else 0, 0),
        tables=tables,
        cards=[_card(picture) for picture in pictures if bool(picture.valid.any())],
        provenance={name: _facts(image) for name, image in zip(names, images, strict=True)},
    )


def _weight(pictures: int, pair: bool) -> float:
    """The size of all layers of a page, in units of a coloured one."""
    differences = max(pictures - 1, int(pair))
    return pictures + int(pair) + GREY_WEIGHT * (int(pair) + differences)


def _names(images: Sequence[Image]) -> list[str]:
    """Different names for pictures: file names, or paths where two files share a name."""
    names = [name_of(image) for image in images]
    if len(set(names)) < len(names):
        names = [redact(image.path) for image in images]
    return [name if name not in names[:n] else f"{name} ({n + 1})" for n, name in enumerate(names)]


def _short(names: Sequence[str]) -> list[str]:
    """File names without what all begin with, such as a CID, which would fill a phone's labels."""
    if len(names) == 1 or any(Path(name).name != name for name in names):
        return list(names)
    pieces = zip(*(re.split("(?<=[-_])", name) for name in names), strict=False)
    alike = itertools.takewhile(lambda column: len(set(column)) == 1, pieces)
    begin = sum(len(column[0]) for column in alike)
    return [name[begin:] for name in names]


def _card(picture: ShownPicture) -> Card:
    codes, valid = picture.layer.codes, picture.valid
    return Card(picture.layer.name, draw_chroma(codes, valid), count_codes(codes, valid))


def _differences(
    pictures: Sequence[ShownPicture], pair: ShownPair | None
) -> tuple[list[PageLayer], list[Table]]:
    """Compare all pictures with the first, or a single one with enlarged mul."""
    first, others = pictures[0], [(one.layer.name, one.oklab, one.valid) for one in pictures[1:]]
    if not others and pair is not None:
        others = [(MUL_NAME, pair.oklab, pair.colour_valid)]
    layers, rows = [], {}
    for name, oklab, good in others:
        valid, found = good & first.valid, Difference()
        distance = found.add(oklab, first.oklab, valid)
        layers.append(difference_layer(f"difference: {name}", distance, valid))
        rows[name] = [*found.total.summary().values(), found.lightness.mean, found.chroma.mean]
    columns = {
        "mean": "ΔE, JND",
        "median": "ΔE, JND",
        "p95": "ΔE, JND",
        "lightness": "mean, JND",
        "chroma": "mean, JND",
    }
    text = (
        f"Colour differences of the scene to {first.layer.name}, over valid pixels of the window, in "
        "just-noticeable differences (JND). The look of a picture and its grade are undone first; rounding "
        "to 8 bits adds about 0.1 JND."
    )
    return layers, [Table("Difference from the first", text, columns, rows)] if rows else []


def _pair_table(pictures: Sequence[ShownPicture], pair: ShownPair) -> Table:
    """Measure pictures against their pair; the row of enlarged mul gives the scale."""
    compared = [(picture.layer.name, picture.oklab, picture.valid) for picture in pictures]
    compared.append((MUL_NAME, pair.oklab, pair.colour_valid))
    rows: dict[str, list[float | None]] = {}
    for name, oklab, valid in compared:
        found = measure_full_scale(oklab, valid, pair)
        rows[name] = [None] * len(_FULL_SCALE) if found is None else _full_scale_row(found)
    text = (
        "At full scale, in the window, without a reference, in JND. Fringe: fine contrast of colour at "
        "edges, from green to magenta (a), from blue to orange (b), and both together. Noise: fine colour "
        "where pan is flat, and in dark vegetation. Detail: correlation of fine lightness with pan. "
        "Consistency: colour difference from mul at mul's own scale, which repaired fringes raise a little. "
        "No figure alone is a target: read them together, and against enlarged mul in the last row."
    )
    return Table("Measured against the pair", text, _FULL_SCALE, rows)


def _full_scale_row(found: FullScale) -> list[float | None]:
    """The figures of `_FULL_SCALE`, in their order."""
    edges = [fringe.p99 for fringe in found.fringes.values()]
    return [found.fringes["both"].mean, *edges, *found.noise.values(), found.detail, found.consistency]


def _notes(
    grid: Grid,
    window: PixelWindow,
    pictures: Sequence[ShownPicture],
    pair: ShownPair | None,
    layers: Sequence[PageLayer],
    look: str,
) -> list[str]:
    """Sentences about the content of the page and its gaps; the first says how much it holds."""
    overview = next((layer.overview for layer in layers if layer.overview), None)
    share = window.height * window.width / (grid.height * grid.width)
    if overview is None:
        notes = ["The page holds every pixel of the pictures, unchanged."]
    else:
        notes = [
            f"The page holds every pixel of the window, unchanged: {window}, {share:.1%} of the picture. "
            f"Outside it shows means of {overview.step} × {overview.step} pixels, as JPEG. Figures, "
            "differences and colours are of the window; --window ROW COLUMN HEIGHT WIDTH chooses another."
        ]
    notes.append("Below 1:1 the viewer shows means, as JPEG; from 1:1 upwards, each pixel is a square.")
    for picture in pictures:
        name, valid = picture.layer.name, float(picture.valid.mean())
        if valid < 1:
            notes.append(f"{name}: {1 - valid:.1%} of the window is invalid, shown in grey and not counted.")
        if picture.sensor is not None:
            bands = "red, green and blue count as those of sRGB, about 1 JND off the colour of all bands"
            known = f"the colour is that of all bands of {picture.sensor.title}"
            notes.append(
                f"{name}: reflectance, shown in the {look} look; "
                f"{bands if picture.sensor == PRIMARIES else known}."
            )
        elif picture.look is None:
            notes.append(
                f"{name}: no tag names its look, so it is shown unchanged and its codes are taken as sRGB. "
                "If it has a tone curve, that counts as a difference."
            )
        elif picture.look.exposure is None:
            notes.append(f"{name}: a flat picture, shown in the {look} look.")
    if pair is None:
        notes.append(
            "Left out because no pair was given (--pair PAN MUL): pan, enlarged mul, fringe, detail and "
            "consistency."
        )
    if not any(layer.palette is not None for layer in layers):
        notes.append("Left out because there is only one picture: differences.")
    else:
        notes.append(
            f"The colour scale of differences ends at {MOST_DIFFERENCE:g} JND on every page; larger "
            "differences look alike."
        )
    return notes


def _summary(grid: Grid, count: int, pair: Pair | None) -> str:
    shown = f"{counted(count, 'picture')} of {grid.width} × {grid.height} pixels"
    if pair is None:
        return shown
    pan, mul = map(name_of, (pair.pan, pair.mul))
    return f"{shown}, with the pair {pan} and {mul}"


def _facts(image: Image) -> dict[str, str]:
    """Size, type, georeference and tags of a file."""
    grid = image.grid
    facts = {
        "size": f"{grid.width} × {grid.height} pixels",
        "type": image.dtype,
        "CRS": crs_name(grid.crs) if grid.placed else "none",
    }
    if grid.placed:
        facts["upper left corner"] = f"{grid.transform.c:.10g}, {grid.transform.f:.10g}"
        facts["pixel"] = f"{grid.transform.a:.6g} × {-grid.transform.e:.6g}"
    tags = {name: str(value) for name, value in sorted(image.dataset.tags().items())}
    cut = {
        name: value if len(value) <= LONGEST_TAG else f"{value[:LONGEST_TAG]}…"
        for name, value in tags.items()
    }
    return facts | cut
