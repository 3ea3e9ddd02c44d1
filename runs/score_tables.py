"""Tables of scores: read from JSON, and drawn in Markdown."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from potato.evaluation.result import Section


def sections_of(document: Mapping[str, Any]) -> dict[str, Section]:
    """The tables of what `score.py` wrote as JSON, by key."""
    found = {}
    for key, kept in document["sections"].items():
        rows = {
            name: {column: math.nan if value is None else value for column, value in row.items()}
            for name, row in kept["rows"].items()
        }
        columns = tuple(dict.fromkeys(column for row in rows.values() for column in row))
        found[key] = Section(key, kept["title"], columns, rows)
    return found


def markdown(section: Section) -> str:
    """A section as a table for a model card."""
    rows = [
        [name, *(figure(row.get(column, math.nan)) for column in section.columns)]
        for name, row in section.rows.items()
    ]
    parts = [f"**{section.title}**", draw_table(["", *section.columns], rows), section.note]
    return "\n\n".join(part for part in parts if part)


def draw_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    names = list(head)
    lines = [f"| {' | '.join(row)} |" for row in (names, *rows)]
    return "\n".join([lines[0], "|---" * len(names) + "|", *lines[1:]])


def figure(value: float) -> str:
    """A figure of a table; a dash if it doesn't apply."""
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if math.isnan(value) else f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"
