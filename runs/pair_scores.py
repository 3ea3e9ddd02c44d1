"""Scores of weights on real pairs, each under the colour matrix of its own sensor."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

from potato.core.full_scale import AXES, NOISE
from potato.core.sensor_table import FOUR_BANDS
from potato.core.sensors import Sensor
from potato.evaluation.by_pair import evaluate_pair
from potato.evaluation.methods import ALL, MethodSpec
from potato.evaluation.protocols import FULL, Protocols, displaced_key, plain_key
from potato.evaluation.result import Evaluation, Row, Section
from potato.evaluation.tables import fringe_key
from potato.model.weights import PREDICTOR, load_model
from potato.raster.layer import Reading
from real_pairs import RealPair

PUBLISHED = {"wv2": Protocols(), "wv3": Protocols(displacements=())}
"""Real pairs with tables of their own, and the protocols that these show."""

REDUCED, FULL_SCALE = ("Q2n", "SAM", "ERGAS"), ("HQNR", "cell error", "fringe p99")
"""Figures of all bands at reduced and at full scale."""

_FRINGES = {
    f"{fringe_key(axis)} {column}": (fringe_key(axis), column) for axis in AXES for column in ("mean", "p99")
}

RATIOS = {
    **{key: (key, "mean") for key in map(displaced_key, Protocols().displacements)},
    **{key: (key, "mean") for key in map(plain_key, Protocols().halvings)},
    **_FRINGES,
    **{f"{ground} noise": (FULL, f"{ground} noise") for ground in NOISE},
}
"""Figures that are compared with the predictor's: table and column by name."""

PLAIN = {name: (FULL, name) for name in ("detail", "consistency")}
"""Figures that mean something by themselves."""

SENSOR_FIGURES = ("plain ds0", "plain ds1", *(f"{fringe_key(axis)} p99" for axis in AXES))
"""Figures of which every real pair has a row."""


MEAN, WORST = "mean of sensors", "worst sensor"
"""Rows below those of pairs."""


class Judged(NamedTuple):
    """A real pair that was judged.

    Attributes:
        name: that of the pair.
        sensor: its sensor.
        found: the figures.
    """

    name: str
    sensor: Sensor
    found: Evaluation

    @property
    def model(self) -> str:
        """The row of the weights in each table; the predictor's without weights for the sensor."""
        name: str = self.found.provenance["weights"]["name"]
        return name

    @property
    def baselines(self) -> list[str]:
        """The rows of the other methods."""
        return [name for name in self.found.provenance["baselines"] if name != PREDICTOR]

    def figure(self, key: str, column: str, method: str) -> float:
        """A figure of a table; NaN if it wasn't measured."""
        tables = {section.key: section.rows for section in self.found.sections}
        return tables.get(key, {}).get(method, {}).get(column, math.nan)

    def ratio(self, key: str, column: str, method: str) -> float:
        """A figure over the predictor's."""
        base = self.figure(key, column, PREDICTOR)
        return self.figure(key, column, method) / base if base > 0 else math.nan


def judge_pairs(pairs: Iterable[RealPair], weights: str | None, quick: bool) -> list[Judged]:
    """Judge weights on real pairs.

    Args:
        pairs: the pairs.
        weights: a checkpoint, judged on the pairs that it fits; None to judge, on every pair, the
            shipped weights that fit it, or the predictor.
        quick: whether to leave out all baselines but the predictor, and figures of bands.
    """
    spec = MethodSpec(weights, (PREDICTOR,) if quick else ALL)
    architecture = None if weights is None else load_model(weights).architecture
    judged = []
    for pair in pairs:
        if architecture is None or architecture.fits(pair.sensor):
            protocols = PUBLISHED.get(pair.name, Protocols(displacements=()))
            if quick:
                protocols = replace(protocols, literature=False, mtf=False)
            found = evaluate_pair(pair.pan, pair.mul, spec, protocols=protocols, reading=Reading(pair.sensor))
            judged.append(Judged(pair.name, pair.sensor, found))
    return judged


def of_unknown_sensors(pairs: Iterable[RealPair]) -> Iterator[RealPair]:
    """The pairs of four bands, as if nothing were known about their sensors."""
    for pair in pairs:
        if (pair.sensor.bands, pair.sensor.ratio) == (FOUR_BANDS.bands, FOUR_BANDS.ratio):
            yield pair._replace(sensor=FOUR_BANDS)


def pair_sections(judged: Sequence[Judged], unknown: Sequence[Judged], quick: bool) -> list[Section]:
    """The tables of real pairs, judged as they are and as of unknown sensors.

    Those of the weights alone if `quick`.
    """
    published = [one for one in judged if one.name in PUBLISHED]
    sections = [side_by_side(published)] if published else []
    if judged:
        title = "The weights on all real pairs, ratios to the predictor"
        rows = of_weights(judged)
        sections.append(Section("sensors", title, SENSOR_FIGURES, with_means(judged, rows)))
    if unknown:
        title = f"The same where the sensor is unknown ({FOUR_BANDS.name})"
        sections.append(Section("unknown sensor", title, SENSOR_FIGURES, of_weights(unknown)))
    if judged and not quick:
        sections += [of_methods(judged, figure) for figure in SENSOR_FIGURES]
        sections += [table for one in published for table in of_pair(one)]
        sections += map(by_bands, judged)
    return sections


def side_by_side(judged: Sequence[Judged]) -> Section:
    """Pairs beside each other: a row for each figure."""
    rows: dict[str, dict[str, float]] = {name: {} for name in (*RATIOS, *PLAIN)}
    for one in judged:
        for name, place in (RATIOS | PLAIN).items():
            rows[name][f"{one.name} {PREDICTOR}"] = one.figure(*place, PREDICTOR)
            rows[name][f"{one.name} weights"] = one.figure(*place, one.model)
            rows[name][f"{one.name} ratio"] = one.ratio(*place, one.model) if name in RATIOS else math.nan
    title = f"Real pairs: {', '.join(one.name for one in judged)}"
    note = "Differences, fringes, noise and consistency in JND; detail is a correlation."
    return Section("real pairs", title, tuple(rows["detail"]), rows, note)


def of_weights(judged: Sequence[Judged]) -> dict[str, Row]:
    """The weights on pairs: a row for each pair, a column for each of `SENSOR_FIGURES`."""
    return {
        one.name: {figure: one.ratio(*RATIOS[figure], one.model) for figure in SENSOR_FIGURES}
        for one in judged
    }


def of_methods(judged: Sequence[Judged], figure: str) -> Section:
    """One of `SENSOR_FIGURES` on all pairs: a column for each method."""
    place = RATIOS[figure]
    names = list(dict.fromkeys(name for one in judged for name in one.baselines))
    rows = {
        one.name: {
            **{name: one.ratio(*place, name) for name in names},
            "weights": one.ratio(*place, one.model),
            PREDICTOR: one.figure(*place, PREDICTOR),
        }
        for one in judged
    }
    title = f"{figure} of all real pairs, ratios to the predictor; the last column is in JND"
    columns = (*names, "weights", PREDICTOR)
    return Section(f"sensors {figure}", title, columns, with_means(judged, rows))


def with_means(judged: Sequence[Judged], rows: Mapping[str, Row]) -> dict[str, Row]:
    """Rows of pairs, and below them the mean of sensors and the worst one: of each, its mean."""
    sensors: dict[str, list[Row]] = {}
    for one in judged:
        sensors.setdefault(one.sensor.name, []).append(rows[one.name])
    columns = next(iter(rows.values()))
    means = {name: [fmean(row[name] for row in pairs) for pairs in sensors.values()] for name in columns}
    below = {
        name: {column: of(values) for column, values in means.items()}
        for name, of in ((MEAN, fmean), (WORST, max))
    }
    return {**rows, **below}


def by_bands(one: Judged) -> Section:
    """All bands of a real pair: the methods that make bands, by the literature's figures."""
    reduced, blurred, full = (one.found.section(f"literature {key}").rows for key in ("ds0", "mtf", "full"))
    rows = {
        name: {
            **{figure: reduced[name][figure] for figure in REDUCED},
            **{f"{figure} MTF": blurred[name][figure] for figure in REDUCED},
            **{figure: row[figure] for figure in FULL_SCALE},
        }
        for name, row in full.items()
    }
    names = (*REDUCED, *(f"{figure} MTF" for figure in REDUCED), *FULL_SCALE)
    title = f"All bands of {one.name} ({one.sensor.name})"
    note = "Wald's protocol by block means and by modulation transfer (MTF); full scale. Cell error in %."
    return Section(f"bands {one.name}", title, names, rows, note)


def of_pair(one: Judged) -> list[Section]:
    """Every table of a pair, under its name."""
    return [
        replace(section, key=f"{one.name} {section.key}", title=f"{one.name}, {section.title}")
        for section in one.found.sections
    ]
