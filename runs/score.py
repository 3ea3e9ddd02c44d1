"""Score a checkpoint: every published figure of it, as JSON and as Markdown.

    python runs/score.py [--weights FILE] [--data DIR] [--json FILE] [--markdown FILE] [--photographs DIR]

DIR holds `wv2/` (a real WorldView-2 pair), and `rsr/` and `spectra/` as `make_reflectances.py` has them; what
isn't there is left out, and the tables say so. Scenes are simulated from a seed of their own, which training
never sees; photographs, if given, are those that training holds out. Exit code 3: a limit isn't kept.
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
from make_reflectances import MEASURED, read_measured, read_responses

from potato.chips.link import golden_order
from potato.chips.scenes import GROUNDS, list_photographs, scene_chip
from potato.engine.devices import one_thread
from potato.evaluation.by_chips import CHIPS, judge_chip
from potato.evaluation.by_pair import judge_pair
from potato.evaluation.by_surfaces import judge_fields
from potato.evaluation.findings import Findings
from potato.evaluation.land_cover import judge_kinds, make_scene
from potato.evaluation.methods import Contender, open_contenders
from potato.evaluation.result import Section, provenance, with_ratio
from potato.evaluation.robustness import TRIALS, judge_trial
from potato.model.weights import PREDICTOR
from potato.raster.atomic import write_whole
from potato.simulation.land.reflectances import Reflectance, load_reflectances

SEED = 20_260_000
"""Of the scenes; any number that training doesn't use."""

HELD_OUT = 500
"""Measured spectra of which flat fields are made, none of them on the packaged list."""

LIMIT = 0.5
"""JND that a flat field may be off."""


def held_out_surfaces(data: Path) -> list[Reflectance]:
    """Measured spectra that the packaged list doesn't use, evenly from both libraries, seen by the sensor."""
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


def fields(contenders: Sequence[Contender], surfaces: Sequence[Reflectance], key: str, title: str) -> Section:
    """Flat fields: mean and largest ΔE, and how many are beyond the limit."""
    rows = {}
    for one in contenders:
        off = judge_fields(one, surfaces, textured=False)
        rows[one.name] = {
            "mean": float(off.mean()),
            "largest": float(off.max()),
            "beyond": int((~(off <= LIMIT)).sum()),
            "surfaces": len(surfaces),
        }
    return Section(key, title, ("mean", "largest", "beyond", "surfaces"), rows)


def by_ground(
    contenders: Sequence[Contender], count: int, size: int, photographs: tuple[str, ...]
) -> Section:
    """Mean ΔE on simulated scenes by how their ground was laid: a row for each kind of ground."""
    rows = {}
    for ground in GROUNDS:
        if ground == "photographs" and not photographs:
            continue
        found = [Findings() for _ in contenders]
        for n in range(count):
            chip = scene_chip(SEED, n, size, series="judged", photographs=photographs, ground=ground)
            for whole, part in zip(found, judge_chip(contenders, chip), strict=True):
                whole.join(part)
        means = {
            one.name: {"mean": findings.differences[CHIPS].total.mean}
            for one, findings in zip(contenders, found, strict=True)
        }
        rows[ground] = flat(means)
    return Section(
        "scenes by ground", "Simulated scenes by ground, mean ΔE in JND", columns(contenders), rows
    )


def by_kind(contenders: Sequence[Contender], count: int, size: int) -> Section:
    """Mean ΔE on simulated scenes by what pixels show: a row for each kind."""
    found = judge_kinds(contenders, (make_scene(n, size, SEED) for n in range(count)))
    rows = {
        kind: {
            **flat({name: one.total.summary() for name, one in them.items()}),
            "pixels": next(iter(them.values())).total.count,
        }
        for kind, them in found.items()
    }
    title = "Simulated scenes by kind, mean ΔE in JND"
    return Section("scenes by kind", title, (*columns(contenders), "pixels"), rows)


def robustness(contenders: Sequence[Contender], count: int, size: int) -> Section:
    """Every trial: mean ΔE of all, and what goes wrong with the model."""
    model = contenders[-1].name
    rows = {}
    for trial in TRIALS:
        found = {
            name: one.summary() for name, one in judge_trial(contenders, trial, count, size, SEED).items()
        }
        rows[trial.name] = {
            **flat(found),
            **{name: value for name, value in found[model].items() if name != "mean"},
        }
    own = ("NaN", "speckle ppm", "drift in shadow")
    title = f"Robustness on simulated scenes, mean ΔE in JND; the last three columns are of {model}"
    return Section("robustness", title, (*columns(contenders), *own), rows)


def columns(contenders: Sequence[Contender]) -> tuple[str, ...]:
    """Everybody's mean, and the ratio of the model's to the predictor's."""
    return (*(one.name for one in contenders), "ratio")


def flat(rows: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Means by name, in one row, and the ratio of the last to the predictor's."""
    with_ratios = with_ratio(rows)
    last = list(rows)[-1]
    return {
        **{name: row["mean"] for name, row in rows.items()},
        "ratio": with_ratios[last].get("ratio", math.nan),
    }


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
    """A figure of a table; a dash for what doesn't apply."""
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if math.isnan(value) else f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def main() -> int:
    """Score and write."""
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
    options = parser.parse_args()

    names = options.baselines.split(",")
    contenders = open_contenders(options.weights, [*names, *([] if PREDICTOR in names else [PREDICTOR])])
    sections: list[Section] = []
    missing = []
    pair = [options.data / "wv2" / f"wv2-{role}.tif" for role in ("pan", "ms")]
    if all(path.is_file() for path in pair):
        sections += judge_pair(*pair, weights=options.weights).sections
    else:
        missing.append(f"the real pair ({pair[0].parent})")
    textures = options.photographs or options.data / "textures"
    photographs = list_photographs(textures) if textures.is_dir() else ()
    with one_thread():
        sections.append(by_ground(contenders, options.scenes, options.size, photographs))
        sections.append(by_kind(contenders, options.scenes, options.size))
        sections.append(robustness(contenders, max(1, options.scenes // 4), options.size))
        listed = load_reflectances()
        limited = [fields(contenders, listed, "flat fields", "Flat fields of the packaged list, ΔE in JND")]
        if (options.data / "spectra").is_dir():
            surfaces = held_out_surfaces(options.data)
            title = f"Flat fields of {len(surfaces)} measured spectra that aren't on it, ΔE in JND"
            limited.append(fields(contenders, surfaces, "flat fields held out", title))
        else:
            missing.append(f"measured spectra ({options.data / 'spectra'})")
    sections += limited
    document = {
        "provenance": provenance(contenders),
        "seed": SEED,
        "scenes": {"count": options.scenes, "size": options.size, "photographs": len(photographs)},
        "left_out": missing,
        "sections": {section.key: {"title": section.title, "rows": section.rows} for section in sections},
    }
    write_whole(
        options.json, json.dumps(sound(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    text = "\n\n".join([*map(markdown, sections), *(f"Left out: {what} isn't there." for what in missing)])
    write_whole(options.markdown, text + "\n")
    print(text)
    beyond = sum(section.rows[contenders[-1].name]["beyond"] for section in limited)
    return 3 if beyond else 0


def sound(value: object) -> object:
    """The same for JSON: what isn't a number is null."""
    if isinstance(value, Mapping):
        return {name: sound(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [sound(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    sys.exit(main())
