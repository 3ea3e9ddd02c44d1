"""Score a checkpoint: all of its published figures, as JSON and as Markdown.

    python runs/score.py [--weights FILE] [--data DIR] [--json FILE] [--markdown FILE]
    [--photographs DIR]

DIR holds `wv2/` (a real WorldView-2 pair), other pairs as `real_pairs.py` finds them, and `rsr/`
and `spectra/` as `make_reflectances.py` reads them. If one is missing, its tables are left out, and the output says so. Scenes are simulated
from a seed of their own, which training never sees; of photographs, only those are used that
training holds out. Exit code 3: a flat field is beyond the limit.
"""

import argparse
import csv
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from land_cover import evaluate_land_cover, make_scene
from make_reflectances import MEASURED, read_measured, read_responses
from potato.chips.link import golden_order
from potato.chips.scenes import GROUNDS, list_photographs, scene_chip
from potato.core.sensors import Sensor
from potato.engine.torch_threads import one_thread
from potato.evaluation import Evaluation, MethodSpec, Protocols, evaluate_pair
from potato.evaluation.by_chips import CHIPS_KEY, evaluate_chip
from potato.evaluation.by_surfaces import evaluate_fields
from potato.evaluation.findings import Findings
from potato.evaluation.methods import Method
from potato.evaluation.result import Section, json_value, provenance, with_ratio
from potato.model.weights import PREDICTOR, load_model
from potato.raster import Reading
from potato.raster.atomic import write_whole
from potato.simulation.land.reflectances import Reflectance, load_reflectances
from real_pairs import LANDSAT, PAIRS, RealPair, find_pairs
from robustness import TRIALS, run_trial

SEED = 20_260_000
"""Seed of the scenes; any number that training doesn't use."""

HELD_OUT = 500
"""Measured spectra that flat fields are made of, none of them on the packaged list."""

PUBLISHED = "wv2"
"""The real pair that has tables of its own."""

REDUCED, FULL_SCALE = ("Q2n", "SAM", "ERGAS"), ("HQNR", "cell error", "fringe p99")
"""Figures of all bands at reduced and at full scale."""

LIMIT = 0.5
"""Largest ΔE of a flat field, JND."""


def held_out_surfaces(data: Path) -> list[Reflectance]:
    """Measured spectra that aren't on the packaged list, evenly from both libraries."""
    spectra, responses = read_measured(data), read_responses(data)
    with MEASURED.open(newline="", encoding="utf-8") as file:
        known = {f"{row['library']} {row['sample']}" for row in csv.DictReader(file)}
    names = [name for name in sorted(spectra) if name not in known]
    chosen = [names[n] for n in golden_order(range(len(names)))]
    found = []
    for name in chosen:
        values = responses @ spectra[name]
        if np.isfinite(values).all() and values.min() > 0:
            pan, *bands = np.clip(values, 1e-4, 6.5535).tolist()
            found.append(Reflectance(name, "stone", pan, tuple(bands)))
    return found[:HELD_OUT]


def fields(methods: Sequence[Method], surfaces: Sequence[Reflectance], key: str, title: str) -> Section:
    """Flat fields: mean and largest ΔE, and how many are beyond the limit."""
    rows = {}
    for method in methods:
        off = evaluate_fields(method, surfaces, textured=False)
        rows[method.name] = {
            "mean": float(off.mean()),
            "largest": float(off.max()),
            "beyond": int((~(off <= LIMIT)).sum()),
            "surfaces": len(surfaces),
        }
    return Section(key, title, ("mean", "largest", "beyond", "surfaces"), rows)


def by_ground(methods: Sequence[Method], count: int, size: int, photographs: tuple[str, ...]) -> Section:
    """Mean ΔE on simulated scenes: a row for each kind of ground."""
    rows = {}
    for ground in GROUNDS:
        if ground == "photographs" and not photographs:
            continue
        found = {method.name: Findings() for method in methods}
        for n in range(count):
            chip = scene_chip(SEED, n, size, series="judged", photographs=photographs, ground=ground)
            for whole, part in zip(found.values(), evaluate_chip(methods, chip), strict=True):
                whole.join(part)
        rows[ground] = flat({name: one.difference(CHIPS_KEY).total.mean for name, one in found.items()})
    title = "Simulated scenes by ground, mean ΔE in JND"
    return Section("scenes by ground", title, columns(methods), rows)


def by_land_cover(methods: Sequence[Method], count: int, size: int) -> Section:
    """Mean ΔE on simulated scenes: a row for each class of land cover."""
    found = evaluate_land_cover(methods, (make_scene(n, size, SEED) for n in range(count)))
    rows = {
        name: {
            **flat({method: one.total.mean for method, one in them.items()}),
            "pixels": next(iter(them.values())).total.count,
        }
        for name, them in found.items()
    }
    title = "Simulated scenes by kind, mean ΔE in JND"
    return Section("scenes by kind", title, (*columns(methods), "pixels"), rows)


def robustness(methods: Sequence[Method], count: int, size: int) -> Section:
    """Every trial: mean ΔE of all methods, and the model's faults."""
    model, rows = methods[-1].name, {}
    for trial in TRIALS:
        trials = run_trial(methods, trial, count, size, SEED)
        found = {name: one.summary() for name, one in trials.items()}
        faults = {name: value for name, value in found[model].items() if name != "mean"}
        rows[trial.name] = {**flat({name: one["mean"] for name, one in found.items()}), **faults}
    title = f"Robustness on simulated scenes, mean ΔE in JND; the last three columns are of {model}"
    own = ("NaN", "speckle ppm", "drift in shadow")
    return Section("robustness", title, (*columns(methods), *own), rows)


def weights_for(sensor: Sensor, weights: str | None) -> str | None:
    """The weights, or the predictor if they don't fit the sensor."""
    if weights is None or load_model(weights).architecture.fits(sensor):
        return weights
    return PREDICTOR


def by_bands(pair: RealPair, evaluation: Evaluation) -> Section:
    """All bands of a real pair: the methods that make bands, by the literature's figures."""
    reduced, blurred, full = (evaluation.section(f"literature {key}").rows for key in ("ds0", "mtf", "full"))
    rows = {
        name: {
            **{figure: reduced[name][figure] for figure in REDUCED},
            **{f"{figure} MTF": blurred[name][figure] for figure in REDUCED},
            **{figure: row[figure] for figure in FULL_SCALE},
        }
        for name, row in full.items()
    }
    names = (*REDUCED, *(f"{figure} MTF" for figure in REDUCED), *FULL_SCALE)
    title = f"All bands of {pair.name} ({evaluation.inputs['sensor']})"
    note = "Wald's protocol by block means and by modulation transfer (MTF); full scale. Cell error in %."
    return Section(f"bands {pair.name}", title, names, rows, note)


def columns(methods: Sequence[Method]) -> tuple[str, ...]:
    """The mean of every method, and the ratio of the model's to the predictor's."""
    return (*(method.name for method in methods), "ratio")


def flat(means: Mapping[str, float]) -> dict[str, float]:
    """Means by method in one row, with the ratio of the last to the predictor's."""
    ratios = with_ratio({name: {"mean": mean} for name, mean in means.items()})
    return {**means, "ratio": ratios[list(means)[-1]]["ratio"]}


def markdown(section: Section) -> str:
    """A section as a table for a model card."""
    lines = [
        f"**{section.title}**",
        "",
        f"| | {' | '.join(section.columns)} |",
        "|---" * (len(section.columns) + 1) + "|",
    ]
    for name, row in section.rows.items():
        lines.append(
            f"| {name} | {' | '.join(figure(row.get(column, math.nan)) for column in section.columns)} |"
        )
    return "\n".join([*lines, *(["", section.note] if section.note else [])])


def figure(value: float) -> str:
    """A figure of a table; a dash if it doesn't apply."""
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if math.isnan(value) else f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", help="a checkpoint; default: the shipped weights")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("POTATO_DATA", "data")))
    parser.add_argument(
        "--photographs", type=Path, help="aerial photographs; default: DATA/textures, if there"
    )
    parser.add_argument("--scenes", type=int, default=24, help="scenes of each ground and by kind")
    parser.add_argument("--size", type=int, default=512, help="pan pixels along a scene")
    parser.add_argument("--baselines", default="bicubic,gsa,predictor", help="as for potato evaluate")
    parser.add_argument("--json", type=Path, default=Path("score.json"))
    parser.add_argument("--markdown", type=Path, default=Path("score.md"))
    return parser.parse_args()


def main() -> int:
    """Score and write."""
    options = parse()
    names = options.baselines.split(",")
    spec = MethodSpec(options.weights, [*names, *([] if PREDICTOR in names else [PREDICTOR])])
    methods = spec.methods
    sections: list[Section] = []
    missing = []
    bands = []
    for pair in find_pairs(options.data):
        whole = Protocols() if pair.name == PUBLISHED else Protocols((0,), ())
        spec = MethodSpec(weights_for(pair.sensor, options.weights))
        found = evaluate_pair(pair.pan, pair.mul, spec, protocols=whole, reading=Reading(pair.sensor))
        bands.append(by_bands(pair, found))
        sections += found.sections if pair.name == PUBLISHED else ()
    there = {section.key for section in bands}
    absent = [name for name in (*PAIRS, LANDSAT) if f"bands {name}" not in there]
    if absent:
        missing.append(f"real pairs ({', '.join(absent)})")
    sections += bands
    textures = options.photographs or options.data / "textures"
    photographs = list_photographs(textures) if textures.is_dir() else ()
    with one_thread():
        sections.append(by_ground(methods, options.scenes, options.size, photographs))
        sections.append(by_land_cover(methods, options.scenes, options.size))
        sections.append(robustness(methods, max(1, options.scenes // 4), options.size))
        listed = load_reflectances()
        limited = [fields(methods, listed, "flat fields", "Flat fields of the packaged list, ΔE in JND")]
        if (options.data / "spectra").is_dir():
            surfaces = held_out_surfaces(options.data)
            title = f"Flat fields of {len(surfaces)} measured spectra that aren't on it, ΔE in JND"
            limited.append(fields(methods, surfaces, "flat fields held out", title))
        else:
            missing.append(f"measured spectra ({options.data / 'spectra'})")
    sections += limited
    document = {
        "provenance": provenance(methods),
        "seed": SEED,
        "scenes": {"count": options.scenes, "size": options.size, "photographs": len(photographs)},
        "left_out": missing,
        "sections": {section.key: {"title": section.title, "rows": section.rows} for section in sections},
    }
    write_whole(
        options.json, json.dumps(json_value(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    text = "\n\n".join([*map(markdown, sections), *(f"Left out: {name} isn't there." for name in missing)])
    write_whole(options.markdown, text + "\n")
    print(text)
    beyond = sum(section.rows[methods[-1].name]["beyond"] for section in limited)
    return 3 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
