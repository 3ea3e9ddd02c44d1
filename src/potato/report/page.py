"""The page of a report: one HTML file that loads nothing else."""

import base64
import hashlib
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.color import linear_srgb_to_oklab
from potato.core.draw import PICTURE_BACKGROUND
from potato.core.installation import VERSION
from potato.core.text import script_json
from potato.core.windows import PixelWindow
from potato.report.layers import MOST_DIFFERENCE, scale_colours
from potato.report.pyramid import WEB_TILE_SIDE, data_url
from potato.viewing.graticule import CHROMA_JND, SRGB_CORNERS
from potato.viewing.scope import MOST_CHROMA

VIEWER = "OpenSeadragon 6.1.1"
"""The viewer in the assets, which `make viewer` fetches."""

VIEWER_STYLE = (
    "@media (hover: none) {    .openseadragon-canvas:focus {        outline: none !important;    }}"
)
"""The one style that the viewer adds to the page, word for word; the policy allows its digest."""

RINGS = 4
"""Rings of chroma around grey, the last at the rim of the drawing."""

RING_LABEL_HUE = math.radians(-62)
"""Hue at which rings are labelled: between blue and magenta, which are rare on the ground."""


@dataclass(frozen=True)
class Table:
    """Figures of several pictures.

    Attributes:
        title: heading.
        text: how to read the figures.
        columns: meaning of each column, in a few words, by its name.
        rows: a figure for each column, by name of the picture; None or NaN for unknown.
    """

    title: str
    text: str
    columns: Mapping[str, str]
    rows: Mapping[str, Sequence[float | None]]


@dataclass(frozen=True, eq=False)
class Card:
    """The colours of a picture.

    Attributes:
        name: name of the picture.
        chroma: from `figures.draw_chroma`, uint8 (3, n, n).
        counts: histograms of red, green and blue (3, bins).
    """

    name: str
    chroma: NDArray[np.uint8]
    counts: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Page:
    """The parts of a page. All text is plain: markup in it is shown, not interpreted.

    Attributes:
        title: heading of the page.
        summary: line below the heading.
        notes: what the page shows and what it leaves out, a sentence or two each.
        size: height and width of the pictures in pixels.
        window: the part of them in full detail.
        layers: layers with their web tiles (`pyramid.pyramids`).
        start: indexes of the first layers on the left and on the right.
        tables: figures.
        cards: colours of each picture.
        provenance: facts of each picture, by its name.
    """

    title: str
    summary: str
    notes: Sequence[str]
    size: tuple[int, int]
    window: PixelWindow
    layers: Sequence[Mapping[str, Any]]
    start: tuple[int, int]
    tables: Sequence[Table]
    cards: Sequence[Card]
    provenance: Mapping[str, Mapping[str, str]]


def make_page(page: Page) -> str:
    """Make HTML of a page, whose content security policy allows only its own scripts and images."""
    style = "".join(map(_asset, ("pages/common.css", "pages/divider.css", "report.css")))
    style = style.replace("$background", "#" + 3 * f"{PICTURE_BACKGROUND:02x}")
    script = "".join(map(_asset, ("pages/divider.js", "report.js")))
    viewer = _asset("openseadragon.min.js").partition("\n//# sourceMappingURL")[0]
    window = page.window
    data = {
        "size": page.size,
        "window": (window.row, window.column, window.height, window.width),
        "tile": WEB_TILE_SIDE,
        "start": page.start,
        "layers": page.layers,
    }
    policy = (
        f"default-src 'none'; img-src data:; style-src {_digest(style)} {_digest(VIEWER_STYLE)}; "
        f"script-src {_digest(viewer)} {_digest(script)}; base-uri 'none'; form-action 'none'"
    )
    return Template(_asset("report.html")).substitute(
        policy=policy,
        title=html.escape(page.title),
        summary=html.escape(page.summary),
        notes="".join(f"<li>{html.escape(note)}</li>" for note in page.notes),
        max_difference=f"{MOST_DIFFERENCE:g}",
        ramp=data_url(np.ascontiguousarray(scale_colours(256).T[:, None])),
        ticks="".join(f"<span>{mark}</span>" for mark in _ticks()),
        figures="\n".join(_table(table, n) for n, table in enumerate(page.tables)),
        cards="\n".join(_card(card) for card in page.cards),
        provenance=_provenance(page.provenance),
        software=html.escape(f"potato {VERSION}"),
        viewer_name=VIEWER,
        licence=html.escape(_asset("openseadragon.LICENSE.txt")),
        style=style,
        data=script_json(data),
        viewer=viewer,
        script=script,
    )


def _asset(name: str) -> str:
    return resources.files("potato").joinpath("assets", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """The source expression of a policy that allows an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _ticks() -> list[str]:
    """Labels of the colour scale of differences."""
    marks = [f"{MOST_DIFFERENCE * n / 5:g}" for n in range(6)]
    return [*marks[:-1], f"{marks[-1]}+"]


def _table(table: Table, number: int) -> str:
    heads = (
        f'<th scope="col" class="number">{html.escape(name)}<small>{html.escape(text)}</small></th>'
        for name, text in table.columns.items()
    )
    rows = {
        name: [f'<td class="number">{_figure(value)}</td>' for value in values]
        for name, values in table.rows.items()
    }
    return (
        f'<section aria-labelledby="table-{number}"><h2 id="table-{number}">{html.escape(table.title)}</h2>'
        f"<p>{html.escape(table.text)}</p>"
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="table-{number}">'
        f"{_html_table('Picture', heads, rows)}</div></section>"
    )


def _html_table(corner: str, heads: Iterable[str], rows: Mapping[str, Iterable[str]]) -> str:
    """An HTML table; heads and cells are HTML elements, names of rows are text."""
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>{"".join(cells)}</tr>' for name, cells in rows.items()
    )
    return (
        f'<table><thead><tr><th scope="col">{corner}</th>{"".join(heads)}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _figure(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _card(card: Card) -> str:
    name = html.escape(card.name)
    return (
        f'<figure class="card"><h3>{name}</h3><div>'
        f'<div class="scope"><img alt="Chroma of {name}" src="{data_url(card.chroma)}">{_graticule()}</div>'
        f'<div><svg class="histogram" viewBox="0 0 100 60" preserveAspectRatio="none" role="img" '
        f'aria-label="Codes of {name}">{_curves(card.counts)}</svg>'
        '<div class="ends"><span>0</span><span>255</span></div></div></div></figure>'
    )


def _graticule() -> str:
    """SVG of 100 × 100 with rings of chroma and the names of hues."""
    parts = ['<line x1="0" y1="50" x2="100" y2="50"/><line x1="50" y1="0" x2="50" y2="100"/>']
    for ring in range(1, RINGS + 1):
        chroma = MOST_CHROMA * ring / RINGS
        parts.append(f'<circle cx="50" cy="50" r="{50 * ring / RINGS:g}"/>')
        if ring < RINGS:
            radius = 50 * ring / RINGS
            x, y = 50 + radius * math.cos(RING_LABEL_HUE), 50 - radius * math.sin(RING_LABEL_HUE)
            parts.append(f'<text x="{x:.1f}" y="{y:.1f}">{chroma / CHROMA_JND:g}</text>')
    for name, corner in SRGB_CORNERS.items():
        _, a, b = linear_srgb_to_oklab(np.array(corner, np.float32)[:, None, None]).ravel().tolist()
        scale = 43 / math.hypot(a, b)
        parts.append(f'<text x="{50 + scale * a:.1f}" y="{50 - scale * b:.1f}">{name}</text>')
    return f'<svg viewBox="0 0 100 100" aria-hidden="true">{"".join(parts)}</svg>'


def _curves(counts: NDArray[np.float64]) -> str:
    """SVG paths of histograms over 100 × 60, scaled to the highest bin.

    The first and last bin don't count for the scale: clipped codes gather there and would flatten
    the rest.
    """
    top = max(float(counts[:, 1:-1].max()), 1e-9)
    steps = np.linspace(0, 100, counts.shape[1])
    curves = []
    for name, shares in zip(("red", "green", "blue"), counts, strict=True):
        heights = 60 - 58 * np.minimum(shares / top, 1)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(steps, heights, strict=True))
        curves.append(f'<path class="{name}" d="M{points}"/>')
    return "".join(curves)


def _provenance(pictures: Mapping[str, Mapping[str, str]]) -> str:
    """HTML table with a column for each picture and a row for each fact that any of them has."""
    heads = (f'<th scope="col">{html.escape(name)}</th>' for name in pictures)
    facts = dict.fromkeys(fact for each in pictures.values() for fact in each)
    rows = {
        fact: [f"<td>{html.escape(each.get(fact, '–'))}</td>" for each in pictures.values()] for fact in facts
    }
    return _html_table("Fact or tag", heads, rows)
