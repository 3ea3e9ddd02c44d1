"""The page: everything a report found, as one HTML file that needs nothing else, not even a network."""

import base64
import hashlib
import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from string import Template
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from potato.core.color import linear_srgb_to_oklab
from potato.core.text import script_json
from potato.core.windows import PixelWindow
from potato.report.layers import MOST, heat_colours
from potato.report.pyramid import TILE, data_url
from potato.viewing.graticule import CHROMA_JND, CORNERS
from potato.viewing.scope import REACH

VIEWER = "OpenSeadragon 6.1.1"
"""The viewer in the assets; `make viewer` fetches it again."""

VIEWER_STYLE = (
    "@media (hover: none) {    .openseadragon-canvas:focus {        outline: none !important;    }}"
)
"""The one style that it adds by itself, word for word, for the policy."""

RINGS = 4
"""Rings of chroma around grey, the last at the rim."""

NUMBERS = math.radians(-62)
"""Hue at which their numbers stand: between blue and magenta the ground has little."""


@dataclass(frozen=True)
class Table:
    """Figures of several pictures.

    Attributes:
        title: what they are about.
        text: how to read them.
        columns: names and what they mean in a few words.
        rows: by name, a figure for each column; None or NaN where there is none.
    """

    title: str
    text: str
    columns: Mapping[str, str]
    rows: Mapping[str, Sequence[float | None]]


@dataclass(frozen=True, eq=False)
class Card:
    """The colours of a picture.

    Attributes:
        name: of the picture.
        chroma: a drawing, uint8 (3, n, n), as of `figures.draw_chroma`.
        counts: histograms of red, green and blue (3, bins).
    """

    name: str
    chroma: NDArray[np.uint8]
    counts: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Page:
    """What stands on a page. Text is plain; nothing in it is taken for markup.

    Attributes:
        title, summary: at the top.
        notes: what is shown and what is left out, a sentence or two each.
        size: height and width of the pictures.
        window: what of them is there in full detail.
        layers: as `tiles.pyramids` makes them.
        start: the layers on the left and on the right at first.
        tables: figures.
        cards: colours of pictures.
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
    """The page as HTML. Its policy lets it load nothing and run no script but its own."""
    style, script = _asset("report.css"), _asset("report.js")
    viewer = _asset("openseadragon.min.js").partition("\n//# sourceMappingURL")[0]
    window = page.window
    data = {
        "size": page.size,
        "window": (window.row, window.column, window.height, window.width),
        "tile": TILE,
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
        most=f"{MOST:g}",
        ramp=data_url(np.ascontiguousarray(heat_colours(256).T[:, None])),
        ticks="".join(f"<span>{mark}</span>" for mark in _ticks()),
        figures="\n".join(_table(table, n) for n, table in enumerate(page.tables)),
        cards="\n".join(_card(card) for card in page.cards),
        provenance=_provenance(page.provenance),
        software=html.escape(f"potato {metadata.version('potato')}"),
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
    """What a policy calls an inline script or style that it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _ticks() -> list[str]:
    marks = [f"{MOST * n / 5:g}" for n in range(6)]
    return [*marks[:-1], f"{marks[-1]}+"]


def _table(table: Table, number: int) -> str:
    heads = "".join(
        f'<th scope="col" class="number">{html.escape(name)}<small>{html.escape(text)}</small></th>'
        for name, text in table.columns.items()
    )
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(f'<td class="number">{_figure(value)}</td>' for value in values)
        + "</tr>"
        for name, values in table.rows.items()
    )
    return (
        f'<section aria-labelledby="table-{number}"><h2 id="table-{number}">{html.escape(table.title)}</h2>'
        f"<p>{html.escape(table.text)}</p>"
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="table-{number}"><table>'
        f'<thead><tr><th scope="col">Picture</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        "</section>"
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
    """Rings of chroma and the names of hues over a drawing of 100 × 100."""
    parts = ['<line x1="0" y1="50" x2="100" y2="50"/><line x1="50" y1="0" x2="50" y2="100"/>']
    for ring in range(1, RINGS + 1):
        chroma = REACH * ring / RINGS
        parts.append(f'<circle cx="50" cy="50" r="{50 * ring / RINGS:g}"/>')
        if ring < RINGS:
            x, y = (50 + 50 * ring / RINGS * turn for turn in (math.cos(NUMBERS), -math.sin(NUMBERS)))
            parts.append(f'<text x="{x:.1f}" y="{y:.1f}">{chroma / CHROMA_JND:g}</text>')
    for name, corner in CORNERS.items():
        _, a, b = linear_srgb_to_oklab(torch.tensor(corner).float()[:, None, None]).flatten().tolist()
        reach = 43 / math.hypot(a, b)
        parts.append(f'<text x="{50 + reach * a:.1f}" y="{50 - reach * b:.1f}">{name}</text>')
    return f'<svg viewBox="0 0 100 100" aria-hidden="true">{"".join(parts)}</svg>'


def _curves(counts: NDArray[np.float64]) -> str:
    """Histograms as lines over 100 × 60. Their height is that of the highest bin but the first and last.

    In those two all that is clipped comes together, and it would flatten the rest.
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
    """A column for each picture, a row for each fact that one of them has."""
    facts = list(dict.fromkeys(fact for each in pictures.values() for fact in each))
    heads = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in pictures)
    rows = "".join(
        f'<tr><th scope="row">{html.escape(fact)}</th>'
        + "".join(f"<td>{html.escape(each.get(fact, '–'))}</td>" for each in pictures.values())
        + "</tr>"
        for fact in facts
    )
    return (
        f'<table><thead><tr><th scope="col">Fact or tag</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )
