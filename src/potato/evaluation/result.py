"""What an evaluation says: sections of figures, as text for people and as JSON for everything else."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from torch import Tensor

from potato.core.text import redact
from potato.evaluation.methods import Contender
from potato.evaluation.statistics import Spread
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
"""Columns of a section about ΔE, as `Difference.summary` names them, and the ratio to the predictor."""

Row = Mapping[str, float]


@dataclass(frozen=True)
class Section:
    """One table.

    Attributes:
        key: what it is called in JSON.
        title: what is printed above it.
        columns: what is printed, in this order.
        rows: figures by the name of what was judged; a figure that doesn't apply is NaN or isn't there.
        note: a line below it, or "".
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
    """What plots are drawn from.

    Attributes:
        title: what the spreads and the map are of.
        spreads: ΔE in JND by name.
        map: ΔE in JND (h, w), NaN where it wasn't judged; or None.
        map_title: of whom the map is.
    """

    title: str = ""
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    map: Tensor | None = None
    map_title: str = ""


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        mode: `chips`, `pair`, `pictures`, `reflectances` or `registration`.
        inputs: what was judged by what, by role.
        provenance: version of Potato, weights and their digest, baselines.
        sections: the tables.
        headline: the one figure in JND that a threshold is held against; None where there is none.
        headline_of: what it is.
        details: more for JSON.
        charts: what plots are drawn from.
    """

    mode: str
    inputs: Mapping[str, Any]
    provenance: Mapping[str, Any]
    sections: tuple[Section, ...]
    headline: float | None
    headline_of: str
    details: Mapping[str, Any] = field(default_factory=dict)
    charts: Charts = field(default_factory=Charts)

    def __str__(self) -> str:
        """The tables, and the headline below them."""
        last = [] if self.headline is None else [f"{self.headline_of}: {self.headline:.3f} JND"]
        return redact("\n\n".join([*map(str, self.sections), *last]))

    def section(self, key: str) -> Section:
        """The section of a key; KeyError if there is none."""
        return {section.key: section for section in self.sections}[key]

    def exceeds(self, limit: float | None) -> bool:
        """Whether the headline is above a limit, or isn't a number."""
        return limit is not None and self.headline is not None and not self.headline <= limit

    def as_json(self) -> str:
        """All of it but the charts; figures that don't apply are null."""
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
        }
        return json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def with_ratio(rows: Mapping[str, Row], column: str = "mean", name: str = "ratio") -> dict[str, Row]:
    """Rows with one more figure: their `column` over the predictor's, if that was judged."""
    base = rows.get(PREDICTOR, {}).get(column, math.nan)
    return {
        who: {**row, name: row[column] / base if base > 0 and column in row else math.nan}
        for who, row in rows.items()
    }


def provenance(contenders: Sequence[Contender]) -> dict[str, Any]:
    """Who was judged, by which version; the model is the last of the contenders."""
    model = contenders[-1]
    return {
        "potato": version(),
        "weights": {"name": model.name, "digest": model.digest},
        "baselines": [contender.name for contender in contenders[:-1]],
    }


def version() -> str:
    """The version of Potato that is installed."""
    return metadata.version("potato")


def _figure(value: float) -> str:
    if math.isnan(value):
        return "–"
    if isinstance(value, int):
        return str(value)
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"


def _plain(value: Any) -> Any:
    """The same for JSON, which has no NaN and no infinity; secrets in names of files stay out of it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return redact(value) if isinstance(value, str) else value
