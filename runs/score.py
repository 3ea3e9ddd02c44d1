"""Score a checkpoint: all of its published figures, as JSON and as Markdown.

    python runs/score.py [--weights FILE] [--data DIR] [--json FILE] [--markdown FILE]
    [--photographs DIR] [--quick]

DIR holds real pairs as `real_pairs.py` finds them, and `rsr/` and `spectra/` as
`make_reflectances.py` reads them. If one is missing, its tables are left out, and the output says
so. Weights are judged on the pairs that they fit. Scenes are simulated from a seed of their own,
which training never sees; of photographs, only those are used that training holds out. `--quick`
judges on real pairs alone, beside the predictor alone, in seconds. Exit code 3: a flat field is
beyond the limit.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import aims
from land_cover import evaluate_land_cover, make_scene
from make_reflectances import MEASURED, read_measured, read_responses
from pair_scores import judge_pairs, of_unknown_sensors, pair_sections
from potato.chips.link import golden_order
from potato.chips.scenes import GROUNDS, list_photographs, scene_chip
from potato.core.band_sets import BAND_SETS, find_set
from potato.engine.torch_threads import one_thread
from potato.evaluation.by_chips import CHIPS_KEY, evaluate_chip
from potato.evaluation.by_surfaces import evaluate_fields
from potato.evaluation.findings import Findings
from potato.evaluation.methods import Method, MethodSpec
from potato.evaluation.result import Section, json_value, provenance, with_ratio
from potato.model.weights import PREDICTOR, load_model
from potato.raster.atomic import write_whole
from potato.simulation.land.reflectances import Reflectance, load_reflectances
from real_pairs import LANDSAT, PAIRS, find_pairs
from robustness import TRIALS, run_trial
from score_tables import markdown

SEED = 20_260_000
"""Seed of the scenes; any number that training doesn't use."""

HELD_OUT = 500
"""Measured spectra that flat fields are made of, none of them on the packaged list."""

FIELDS = "flat fields"
"""How the keys of the tables of flat fields begin."""

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


def fields(spec: MethodSpec, surfaces: Sequence[Reflectance], key: str, title: str) -> Section:
    """Flat fields: mean and largest ΔE, and how many are beyond the limit."""
    rows = {}
    for method in spec.methods:
        off = evaluate_fields(method, surfaces, False, spec.sensor)
        rows[method.name] = {
            "mean": float(off.mean()),
            "largest": float(off.max()),
            "beyond": int((~(off <= LIMIT)).sum()),
            "surfaces": len(surfaces),
        }
    return Section(key, title, ("mean", "largest", "beyond", "surfaces"), rows)


def by_ground(spec: MethodSpec, count: int, size: int, photographs: tuple[str, ...]) -> Section:
    """Mean ΔE on scenes that random sensors of the set see: a row for each kind of ground."""
    rows, pool = {}, find_set(spec.sensor)
    specs = [spec.for_sensor(sensor) for sensor in (pool.sensors if pool else (spec.sensor,))]
    sensors = tuple(each.sensor for each in specs)
    for ground in GROUNDS:
        if ground == "photographs" and not photographs:
            continue
        found = {method.name: Findings() for method in spec.methods}
        for n in range(count):
            chip = scene_chip(SEED, n, size, "judged", 0, photographs, ground, sensors)
            methods = specs[sensors.index(chip.sensor)].methods
            for whole, part in zip(found.values(), evaluate_chip(methods, chip), strict=True):
                whole.join(part)
        rows[ground] = flat({name: one.difference(CHIPS_KEY).total.mean for name, one in found.items()})
    title = "Simulated scenes by ground, mean ΔE in JND"
    return Section("scenes by ground", title, columns(spec.methods), rows)


def by_land_cover(spec: MethodSpec, count: int, size: int) -> Section:
    """Mean ΔE on simulated scenes: a row for each class of land cover."""
    scenes = (make_scene(n, size, SEED, sensor=spec.sensor) for n in range(count))
    found = evaluate_land_cover(spec.methods, scenes)
    rows = {
        name: {
            **flat({method: one.total.mean for method, one in them.items()}),
            "pixels": next(iter(them.values())).total.count,
        }
        for name, them in found.items()
    }
    title = "Simulated scenes by kind, mean ΔE in JND"
    return Section("scenes by kind", title, (*columns(spec.methods), "pixels"), rows)


def robustness(spec: MethodSpec, count: int, size: int) -> Section:
    """Every trial: mean ΔE of all methods, and the model's faults."""
    model, rows = spec.methods[-1].name, {}
    for trial in TRIALS:
        trials = run_trial(spec.methods, trial, count, size, SEED, spec.sensor)
        found = {name: one.summary() for name, one in trials.items()}
        faults = {name: value for name, value in found[model].items() if name != "mean"}
        rows[trial.name] = {**flat({name: one["mean"] for name, one in found.items()}), **faults}
    title = f"Robustness on simulated scenes, mean ΔE in JND; the last three columns are of {model}"
    own = ("NaN", "speckle ppm", "drift in shadow")
    return Section("robustness", title, (*columns(spec.methods), *own), rows)


def columns(methods: Sequence[Method]) -> tuple[str, ...]:
    """The mean of every method, and the ratio of the model's to the predictor's."""
    return (*(method.name for method in methods), "ratio")


def flat(means: Mapping[str, float]) -> dict[str, float]:
    """Means by method in one row, with the ratio of the last to the predictor's."""
    ratios = with_ratio({name: {"mean": mean} for name, mean in means.items()})
    return {**means, "ratio": ratios[list(means)[-1]]["ratio"]}


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
    parser.add_argument("--quick", action="store_true", help="real pairs alone, beside the predictor")
    parser.add_argument("--json", type=Path, default=Path("score.json"))
    parser.add_argument("--markdown", type=Path, default=Path("score.md"))
    return parser.parse_args()


def on_simulated_ground(
    spec: MethodSpec, data: Path, count: int, size: int, photographs: tuple[str, ...]
) -> list[Section]:
    """The tables of scenes and of flat fields."""
    sections = [
        by_ground(spec, count, size, photographs),
        by_land_cover(spec, count, size),
        robustness(spec, max(1, count // 4), size),
        fields(spec, load_reflectances(), FIELDS, "Flat fields of the packaged list, ΔE in JND"),
    ]
    if (data / "spectra").is_dir():
        surfaces = held_out_surfaces(data)
        title = f"Flat fields of {len(surfaces)} measured spectra that aren't on it, ΔE in JND"
        sections.append(fields(spec, surfaces, f"{FIELDS} held out", title))
    return sections


def main() -> int:
    """Score and write."""
    options = parse()
    pairs = list(find_pairs(options.data))
    judged = judge_pairs(pairs, options.weights, options.quick)
    unknown = judge_pairs(of_unknown_sensors(pairs), options.weights, quick=True)
    sections = pair_sections(judged, unknown, options.quick)
    absent = {*PAIRS, LANDSAT} - {pair.name for pair in pairs}
    missing = [f"real pairs ({', '.join(sorted(absent))})"] if absent else []
    architecture = load_model(options.weights).architecture
    sensors = (*(pool.sensors[0] for pool in BAND_SETS), *(one.sensor for one in judged))
    sensor = next((one for one in sensors if architecture.fits(one)), None)
    if sensor is None:
        print(f"{options.data}: expected a real pair that the weights fit, found none", file=sys.stderr)
        return 1
    names = [*options.baselines.split(","), PREDICTOR]
    spec = MethodSpec(options.weights, names, sensor=sensor)
    textures = options.photographs or options.data / "textures"
    photographs = list_photographs(textures) if textures.is_dir() else ()
    if options.quick:
        missing.append("simulated ground")
    else:
        with one_thread():
            sections += on_simulated_ground(spec, options.data, options.scenes, options.size, photographs)
        if not (options.data / "spectra").is_dir():
            missing.append(f"measured spectra ({options.data / 'spectra'})")
    document = {
        "provenance": provenance(spec.methods),
        "seed": SEED,
        "scenes": {"count": options.scenes, "size": options.size, "photographs": len(photographs)},
        "left_out": missing,
        "sections": {section.key: {"title": section.title, "rows": section.rows} for section in sections},
    }
    write_whole(
        options.json, json.dumps(json_value(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    tables = {section.key: section.rows for section in sections}
    text = "\n\n".join(
        [
            *map(markdown, sections),
            f"**Aims**\n\n{aims.markdown(tables, architecture.bands)}",
            *(f"Left out: {name}." for name in missing),
        ]
    )
    write_whole(options.markdown, text + "\n")
    print(text)
    flat_fields = (section for section in sections if section.key.startswith(FIELDS))
    beyond = sum(section.rows[spec.methods[-1].name]["beyond"] for section in flat_fields)
    return 3 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
