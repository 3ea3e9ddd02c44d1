"""The result of an evaluation: tables of figures, as text and as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from potato.core.installation import VERSION
from potato.core.statistics import Histogram
from potato.core.text import redact
from potato.evaluation.methods import Method
from potato.model.weights import PREDICTOR

DIFFERENCE = (
    "mean",
    "ratio",
    "median",
    "p95",
    "L mean",
    "L median",
    "L p95",
    "C mean",
    "C median",
    "C p95",
)
"""Columns of a table of ΔE: those of `Difference.summary`, and the ratio to the predictor."""

Row = Mapping[str, float]


@dataclass(frozen=True)
class Section:
    """One table.

    Attributes:
        key: its name in JSON.
        title: the line above it.
        columns: the figures that are printed, in order; JSON has all of a row.
        rows: figures by method (or surface, or band array); NaN or missing where none applies.
        note: the line below it, or "".
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, Row]
    note: str = ""

    def __str__(self) -> str:
        """The table, aligned."""
        names = list(self.rows)
        width = max(map(len, names), default=0)
        cells = [
            [_figure(self.rows[name].get(column, math.nan)) for column in self.columns] for name in names
        ]
        widths = [
            max(len(text) for text in (column, *(row[k] for row in cells)))
            for k, column in enumerate(self.columns)
        ]
        lines = [self.title]
        for name, row in [("", list(self.columns)), *zip(names, cells, strict=True)]:
            texts = (text.rjust(size) for text, size in zip(row, widths, strict=True))
            lines.append("  ".join([f"  {name:<{width}}", *texts]).rstrip())
        return "\n".join([*lines, f"  {self.note}"] if self.note else lines)


@dataclass(frozen=True)
class Charts:
    """The data of plots.

    Attributes:
        title: the protocol or the inputs, above the histograms.
        histograms: ΔE in JND by method.
        map: ΔE in JND (h, w), NaN where nothing was evaluated; or None.
        map_title: the method and the protocol of the map.
    """

    title: str = ""
    histograms: Mapping[str, Histogram] = field(default_factory=dict)
    map: Tensor | None = None
    map_title: str = ""


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        mode: `chips`, `pair`, `pictures`, `reflectances` or `registration`.
        inputs: files and settings, by role.
        provenance: version of Potato, weights and their digest, baselines.
        sections: the tables.
        headline: the one figure in JND that a threshold applies to; None if the mode has none.
        headline_of: a description of that figure.
        details: more figures for JSON.
        charts: the data of plots.
        notes: what had to be guessed or left out, a line each.
    """

    mode: str
    inputs: Mapping[str, Any]
    provenance: Mapping[str, Any]
    sections: tuple[Section, ...]
    headline: float | None
    headline_of: str
    details: Mapping[str, Any] = field(default_factory=dict)
    charts: Charts = field(default_factory=Charts)
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The tables, and below them notes and the headline."""
        last = [f"note: {note}" for note in self.notes]
        if self.headline is not None:
            last.append(f"{self.headline_of}: {self.headline:.3f} JND")
        return redact("\n\n".join([*map(str, self.sections), *(["\n".join(last)] if last else [])]))

    def section(self, key: str) -> Section:
        """The table of a key.

        Raises:
            KeyError: if there is none.
        """
        return {section.key: section for section in self.sections}[key]

    def exceeds(self, limit: float | None) -> bool:
        """Whether the headline is above a limit in JND, or NaN; False if either is None."""
        return limit is not None and self.headline is not None and not self.headline <= limit

    def as_json(self) -> str:
        """Everything but the charts; figures that don't apply are null."""
        document = {
            "mode": self.mode,
            "inputs": self.inputs,
            "provenance": self.provenance,
            "headline": {"of": self.headline_of, "jnd": self.headline},
            "sections": {
                section.key: {"title": section.title, "note": section.note, "rows": section.rows}
                for section in self.sections
            },
            **self.details,
            "notes": self.notes,
        }
        return json.dumps(json_value(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def with_ratio(rows: Mapping[str, Row], column: str = "mean", name: str = "ratio") -> dict[str, Row]:
    """Rows with one more figure: their `column` over the predictor's, NaN without a predictor."""
    base = rows.get(PREDICTOR, {}).get(column, math.nan)
    return {
        method: {**row, name: row[column] / base if base > 0 and column in row else math.nan}
        for method, row in rows.items()
    }


def provenance(methods: Sequence[Method]) -> dict[str, Any]:
    """The version of Potato, the model (the last method) and the baselines (all others)."""
    *baselines, model = methods
    return {
        "potato": VERSION,
        "weights": {"name": model.name, "digest": model.digest},
        "baselines": [method.name for method in baselines],
    }


def _figure(value: float) -> str:
    if math.isnan(value):
        return "–"
    if isinstance(value, int):
        return str(value)
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"


def json_value(value: Any) -> Any:
    """A value for JSON, which has no NaN and no infinity; secrets in file names are redacted."""
    if isinstance(value, Mapping):
        return {str(key): json_value(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return redact(value) if isinstance(value, str) else value
