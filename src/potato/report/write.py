"""Making a report: finished pictures in, one page out."""

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import torch

from potato.core.sensors import RATIO
from potato.core.text import redact
from potato.core.windows import PixelWindow
from potato.errors import EmptyError, InputError
from potato.evaluation.statistics import Difference
from potato.raster import (
    Grid,
    Image,
    Pair,
    check_output,
    check_same_grid,
    crs_name,
    gdal,
    open_pair,
    open_picture,
)
from potato.raster.atomic import write_whole
from potato.report.crop import choose_window
from potato.report.figures import count_codes, draw_chroma, judge_full
from potato.report.layers import (
    COLOUR,
    MOST,
    Layer,
    PairShot,
    Shot,
    difference_layer,
    take_pair,
    take_picture,
)
from potato.report.page import Card, Page, Table, make_page
from potato.report.pyramid import pyramids
from potato.viewing.blocks import name_of

Path_ = str | os.PathLike[str]

LONGEST = 400
"""Letters of a tag that the page shows."""

PLAIN = 0.45
"""What a layer of one channel takes up, where one of three takes up 1: measured on dithered pictures."""


@dataclass(frozen=True)
class Report:
    """What `write_report` wrote.

    Attributes:
        output: the page.
        layers: names of what can be seen on it.
        window: what of the pictures is there in full detail.
        notes: what the page says that it shows and leaves out.
        size: its bytes.
        seconds: how long it took.
    """

    output: Path
    layers: tuple[str, ...]
    window: PixelWindow
    notes: tuple[str, ...]
    size: int
    seconds: float

    def __str__(self) -> str:
        """What the command prints."""
        return f"{self.output}: {self.size / 1e6:.1f} MB in {self.seconds:.1f} s. {self.notes[0]}"


def write_report(
    pictures: Sequence[Path_],
    output: Path_,
    *,
    pair: tuple[Path_, Path_] | None = None,
    window: Sequence[int] | None = None,
    overwrite: bool = False,
) -> Report:
    """Lay finished pictures of the same ground over one another, in a page that works without a network.

    Args:
        pictures: one or more, as for `raster.open_picture`, on one grid. Others are held against the first.
        output: the HTML file to write.
        pair: the pan and mul that they were made of, which adds both and what can be said at full scale.
        window: row, column, height and width in pixels of what is shown in full detail, and judged; None for
            all of a small picture, and the middle of a large one.
        overwrite: whether to replace a file.

    Raises:
        InputError, BandError, GridError, PairError: if a picture or the pair can't be used, or the window
            lies outside.
        EmptyError: if nothing in the window is valid.
        OutputError, OutputExists: if the page can't be written.
    """
    started = time.perf_counter()
    path = check_output(output, overwrite)
    if not pictures:
        raise InputError("expected one picture or more to report on, found none")
    with gdal(), contextlib.ExitStack() as stack, torch.inference_mode():
        images = [stack.enter_context(open_picture(picture)) for picture in pictures]
        opened = stack.enter_context(open_pair(*pair)) if pair else None
        for other in [*images[1:], *([opened.pan] if opened else [])]:
            check_same_grid(images[0], other)
        grid, names = images[0].grid, _names(images)
        place = choose_window(
            grid,
            window,
            layers=_burden(len(images), opened is not None),
            step=RATIO if opened else 1,
        )
        shots = [take_picture(image, place, name) for image, name in zip(images, names, strict=True)]
        if not any(bool(shot.valid.any()) for shot in shots):
            raise EmptyError(
                f"expected valid pixels in {place}, found none; name another place with --window"
            )
        source, around = take_pair(opened, place) if opened else (None, [])
        differences, apart = _differences(shots, source)
        layers = [*(shot.layer for shot in shots), *reversed(around), *differences]
        tables = [*apart, *([_full_table(shots, source)] if source else [])]
        notes = _notes(grid, place, shots, source, layers)
        page = Page(
            title=" · ".join(names),
            summary=_summary(grid, len(shots), opened),
            notes=notes,
            size=(grid.height, grid.width),
            window=place,
            layers=pyramids(layers),
            start=(0, 1) if len(shots) > 1 else (len(shots) if source else 0, 0),
            tables=tables,
            cards=[
                Card(
                    shot.layer.name,
                    draw_chroma(shot.layer.codes, shot.valid),
                    count_codes(shot.layer.codes, shot.valid),
                )
                for shot in shots
                if bool(shot.valid.any())
            ],
            provenance={name: _facts(image) for name, image in zip(names, images, strict=True)},
        )
    text = make_page(page).encode()
    check_output(output, overwrite)
    write_whole(path, text)
    return Report(
        path,
        tuple(layer.name for layer in layers),
        place,
        tuple(notes),
        len(text),
        time.perf_counter() - started,
    )


def _burden(pictures: int, pair: bool) -> float:
    """How many coloured layers the layers of a page weigh as much as."""
    return pictures + (1 + PLAIN if pair else 0) + PLAIN * max(pictures - 1, int(pair))


def _names(images: Sequence[Image]) -> list[str]:
    """What to call pictures: the bare names of their files, or more of them where these are the same."""
    names = [name_of(image) for image in images]
    if len(set(names)) < len(names):
        names = [redact(image.path) for image in images]
    return [name if name not in names[:n] else f"{name} ({n + 1})" for n, name in enumerate(names)]


def _differences(shots: Sequence[Shot], source: PairShot | None) -> tuple[list[Layer], list[Table]]:
    """How far all pictures are from the first; a single one, from the colour of its pair."""
    first, others = shots[0], [(shot.layer.name, shot.oklab, shot.valid) for shot in shots[1:]]
    if not others and source is not None:
        others = [(COLOUR, source.oklab, source.valid)]
    layers, rows = [], {}
    for name, oklab, good in others:
        valid, account = good & first.valid, Difference()
        distance = account.add(oklab, first.oklab, valid)
        layers.append(difference_layer(f"difference: {name}", distance, valid))
        rows[name] = [
            *account.total.summary().values(),
            account.lightness.mean,
            account.chroma.mean,
        ]
    columns = {
        "mean": "ΔE, JND",
        "median": "ΔE, JND",
        "p95": "ΔE, JND",
        "lightness": "mean, JND",
        "chroma": "mean, JND",
    }
    text = (
        f"Of the colours of the scene from those of {first.layer.name}, over valid pixels of the window, "
        "in just-noticeable differences. The tone curve of a natural picture is taken back first; its 8 "
        "bits add about 0.1."
    )
    return layers, [Table("Difference from the first", text, columns, rows)] if rows else []


def _full_table(shots: Sequence[Shot], source: PairShot) -> Table:
    """What can be said without a truth; the enlarged colour gives the scale."""
    compared = [*((shot.layer.name, shot.oklab, shot.valid) for shot in shots)]
    compared.append((COLOUR, source.oklab, source.valid))
    rows = {}
    for name, oklab, valid in compared:
        found = judge_full(oklab, valid, source)
        rows[name] = [None] * 4 if found is None else list(astuple(found))
    columns = {
        "fringe": "mean, less is better",
        "fringe p99": "cars, roof edges; less is better",
        "detail": "1 is best",
        "consistency": "with mul, JND",
    }
    text = (
        "At full scale, in the window. Fringe: fine red and green that a sharp picture shouldn't have. "
        "Detail: correlation of fine lightness with that of pan. Consistency: distance from the colour of "
        "mul at its own scale, which healed fringes raise a little. None of these is a truth to reach: read "
        "them together, beside those of plainly enlarged colour in the last row."
    )
    return Table("By the pair", text, columns, rows)


def _notes(
    grid: Grid, place: PixelWindow, shots: Sequence[Shot], source: PairShot | None, layers: Sequence[Layer]
) -> list[str]:
    """What is shown and what is left out; the first is about how much of the pictures there is."""
    overview = next((layer.overview for layer in layers if layer.overview), None)
    share = place.height * place.width / (grid.height * grid.width)
    if overview is None:
        notes = ["All of the picture is here, every pixel exactly."]
    else:
        step = overview.step
        notes = [
            f"Every pixel is here exactly in {place}, {share:.1%} of the picture; elsewhere only means "
            f"of {step} × {step} pixels, as JPEG. Figures, differences and colours are of this window alone; "
            "--window ROW COLUMN HEIGHT WIDTH takes another."
        ]
    notes.append("Zoomed out below 1:1 the page shows means, as JPEG; from 1:1 on, pixels as squares.")
    for shot in shots:
        name, valid = shot.layer.name, float(shot.valid.float().mean())
        if valid < 1:
            notes.append(f"{name}: {1 - valid:.1%} of the window isn't valid; it is grey and not counted.")
        if shot.look is None:
            notes.append(
                f"{name}: its tags name no look, so it is shown as it is, and its codes count as sRGB. If it "
                "has a tone curve, that counts as a difference."
            )
        elif shot.look.exposure is None:
            notes.append(f"{name}: a flat picture, shown in the natural look.")
    if source is None:
        notes.append(
            "Left out, since no pair was given (--pair PAN MUL): pan, the plainly enlarged colour, fringe, "
            "detail and consistency."
        )
    if not any(layer.palette is not None for layer in layers):
        notes.append("Left out, since there is only one picture: differences.")
    else:
        notes.append(
            f"The scale of differences ends at {MOST:g} JND on every page; what is further apart looks alike."
        )
    return notes


def _summary(grid: Grid, count: int, pair: Pair | None) -> str:
    shown = f"{count} picture{'s' if count > 1 else ''} of {grid.width} × {grid.height} pixels"
    if pair is None:
        return shown
    pan, mul = (redact(path).rstrip("/").rsplit("/", 1)[-1] for path in (pair.pan_path, pair.mul_path))
    return f"{shown}, with the pair {pan} and {mul}"


def _facts(image: Image) -> dict[str, str]:
    """What a file says of itself."""
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
    return facts | {
        name: value if len(value) <= LONGEST else f"{value[:LONGEST]}…" for name, value in tags.items()
    }
