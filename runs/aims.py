"""What weights should reach, and which of it they miss, by the figures of `score.py`."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from pair_scores import MEAN, WORST
from potato.core.sensor_table import WORLDVIEW_2
from potato.evaluation.result import Row
from potato.model.weights import PREDICTOR
from score_tables import draw_table

Tables = Mapping[str, Mapping[str, Row]]
"""Figures by table, row and column; NaN where none applies."""

RARE = "rare colours"
"""A row of scenes by kind."""


class Aim(NamedTuple):
    """A figure that weights should reach.

    Attributes:
        name: of the figure.
        figure: finds it; raises KeyError if it wasn't measured.
        limit: what it should reach, with the digits that count.
        hope: what we try for, or "".
        more: whether larger is better.
    """

    name: str
    figure: Callable[[Tables], float]
    limit: str
    hope: str = ""
    more: bool = False

    def found(self, tables: Tables) -> Decimal | None:
        """The figure with the digits that count; None if it wasn't measured."""
        try:
            value = self.figure(tables)
        except KeyError:
            return None
        return None if math.isnan(value) else Decimal(value).quantize(Decimal(self.limit))

    def reached(self, tables: Tables) -> bool:
        """Whether it was measured and is good enough."""
        found, limit = self.found(tables), Decimal(self.limit)
        return found is not None and (found >= limit if self.more else found <= limit)


def at(table: str, row: str, column: str) -> Callable[[Tables], float]:
    """Finds one figure of a table."""
    return lambda tables: tables[table][row][column]


def of_pair(pair: str, figure: str) -> Callable[[Tables], float]:
    """Finds the ratio of a figure of a real pair to the predictor's."""
    return at("real pairs", figure, f"{pair} ratio")


def worst_kind(tables: Tables) -> float:
    """The largest ratio of a kind of simulated ground, rare colours aside."""
    return worst(row["ratio"] for name, row in tables["scenes by kind"].items() if name != RARE)


def worst_field(tables: Tables) -> float:
    """The largest error of the weights, the last method, on a flat field, in JND."""
    return worst([*tables[key].values()][-1]["largest"] for key in ("flat fields", "flat fields held out"))


def to_best_method(figure: str) -> Callable[[Tables], float]:
    """Finds the ratio of the weights to the best method of the literature, on their worst pair."""

    def find(tables: Tables) -> float:
        pairs = (row for name, row in tables[f"sensors {figure}"].items() if name not in (MEAN, WORST))
        return worst(
            row["weights"] / min(value for name, value in row.items() if name not in ("weights", PREDICTOR))
            for row in pairs
        )

    return find


def worst_unknown(tables: Tables) -> float:
    """The largest ratio of ΔE where the sensor is unknown."""
    rows = tables["unknown sensor"].values()
    return worst(row[figure] for row in rows for figure in ("plain ds0", "plain ds1"))


def worst(values: Iterable[float]) -> float:
    """The largest; NaN if one is."""
    found = list(values)
    return math.nan if any(map(math.isnan, found)) else max(found)


WORLDVIEW = (
    *(
        Aim(f"wv2 displaced {by}", of_pair("wv2", f"displaced {by}"), limit, hope)
        for by, limit, hope in (("0", ".920", ".90"), ("0.35", ".824", ".80"), ("0.6", ".730", ".70"))
    ),
    Aim("wv2 plain ds1", of_pair("wv2", "plain ds1"), ".87", ".84"),
    *(
        Aim(f"{pair} fringe p99 of {axis}", of_pair(pair, f"fringe {axis} p99"), limit, hope)
        for pair, axis, limit, hope in (
            ("wv2", "a", ".37", ".33"),
            ("wv2", "b", ".70", ".50"),
            ("wv2", "both", ".47", ".40"),
            ("wv3", "a", ".32", ".28"),
            ("wv3", "b", ".65", ".50"),
            ("wv3", "both", ".50", ".40"),
        )
    ),
    Aim("wv2 detail", at("real pairs", "detail", "wv2 weights"), ".972", ".985", more=True),
    Aim("wv3 detail", at("real pairs", "detail", "wv3 weights"), ".987", ".990", more=True),
    Aim("wv2 consistency, JND", at("real pairs", "consistency", "wv2 weights"), ".93", ".80"),
    Aim("wv3 consistency, JND", at("real pairs", "consistency", "wv3 weights"), ".72", ".60"),
    Aim("every kind of simulated ground", worst_kind, ".62"),
    Aim("small rare colours", at("scenes by kind", RARE, "ratio"), ".55"),
    Aim("flat fields, worst, JND", worst_field, ".35"),
)
"""Aims of weights for WorldView-2 and -3; ratios to the predictor unless they say otherwise."""

OTHERS = (
    *(
        Aim(f"{figure}, {row}", at("sensors", row, figure), limit, hope)
        for figure in ("plain ds0", "plain ds1")
        for row, limit, hope in ((MEAN, ".93", ".88"), (WORST, "1.00", ""))
    ),
    *(
        Aim(f"{figure}, to the best other method", to_best_method(figure), "1.000")
        for figure in ("plain ds0", "plain ds1")
    ),
    *(
        Aim(f"fringe p99 of {axis}, {MEAN}", at("sensors", MEAN, f"fringe {axis} p99"), ".65")
        for axis in ("a", "b")
    ),
    Aim("unknown sensor, worst pair", worst_unknown, "1.020"),
    Aim("simulated ground", at("scenes by kind", "everything", "ratio"), ".60"),
)
"""Aims of weights for other bands."""


def aims_of(bands: Sequence[str]) -> tuple[Aim, ...]:
    """The aims of weights that read these bands."""
    return WORLDVIEW if tuple(bands) == WORLDVIEW_2.bands else OTHERS


def missed(tables: Tables, bands: Sequence[str]) -> list[str]:
    """Names of the aims that weights don't reach, or that weren't measured."""
    return [aim.name for aim in aims_of(bands) if not aim.reached(tables)]


def markdown(tables: Tables, bands: Sequence[str]) -> str:
    """The aims as a table in Markdown."""
    rows = []
    for aim in aims_of(bands):
        found = aim.found(tables)
        figure = "–" if found is None else str(found).removeprefix("0")
        verdict = "reached" if aim.reached(tables) else "not measured" if found is None else "**missed**"
        rows.append([aim.name, figure, aim.limit, verdict, aim.hope])
    return draw_table(["", "these weights", "aim", "", "we try for"], rows)
