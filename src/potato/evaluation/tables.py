"""The tables of findings: differences in JND first, then the literature's figures."""

import math
from collections.abc import Mapping

from potato.core.full_scale import AXES, NOISE, FullScaleCounts
from potato.core.sensors import Sensor
from potato.core.statistics import Difference
from potato.evaluation.findings import Findings
from potato.evaluation.protocols import FULL, MTF, Protocols, displaced_key, plain_key
from potato.evaluation.result import DIFFERENCE, Row, Section, with_ratio

_FULL = ("detail", "consistency", *(f"{name} noise{ratio}" for name in NOISE for ratio in ("", " ratio")))
_FRINGE = ("mean", "ratio", "p99", "p99 ratio")
_AXIS = {"a": "green to magenta", "b": "blue to orange", "both": "length of a and b"}
_PICTURE = ("PSNR", "SSIM")
_BANDS = ("SAM", "ERGAS", "Q2n", "SCC")
_QUALITY = ("D_lambda", "D_s", "QNR", "D_lambda K", "D_s MTF", "HQNR", "cell error", "fringe p99")


def pair_sections(found: Mapping[str, Findings], protocols: Protocols, sensor: Sensor) -> tuple[Section, ...]:
    """The tables of a pair.

    Args:
        found: the findings of each method, by its name.
        protocols: the protocols that were run.
        sensor: the sensor of the pair.
    """
    keys = {
        plain_key(n): "Wald's protocol" + (f", pair made coarser by {2**n} first" if n else "")
        for n in protocols.halvings
    }
    if protocols.mtf:
        keys[MTF] = "Wald's protocol by modulation transfer"
    keys |= {
        displaced_key(d): f"Wald's protocol, truth registered, band arrays {d:g} mul pixels apart"
        for d in protocols.displacements
    }
    sections = [
        difference_section(key, title, {name: one.differences[key] for name, one in found.items()})
        for key, title in keys.items()
    ]
    if protocols.full:
        sections += full_sections({name: one.full_scale for name, one in found.items()})
    if protocols.literature:
        sections += [
            picture_section(f"literature ds{n}", f"literature: {plain_key(n)}", found, plain_key(n))
            for n in protocols.halvings
        ]
        if protocols.mtf:
            sections.append(picture_section("literature mtf", f"literature: {MTF}", found, MTF))
        quality = {name: row for name, one in found.items() if (row := _quality(one))}
        if quality:
            gains = sensor.title if sensor.mtf_gains else f"typical, of {sensor.title} unpublished"
            note = f"Of those that give bands. Best: D 0, QNR, HQNR 1. K: Khan. MTF: {gains}"
            note += ". cell error: %. fringe: of the bands' colour, both axes"
            title = "literature: full scale, without truth"
            sections.append(Section("literature full", title, _QUALITY, quality, note))
    return tuple(sections)


def full_sections(found: Mapping[str, FullScaleCounts]) -> list[Section]:
    """The tables of figures at full scale: detail, consistency and noise, and fringes by axis."""
    rows: dict[str, Row] = {name: _full(counts) for name, counts in found.items()}
    for ground in NOISE:
        rows = with_ratio(rows, f"{ground} noise", f"{ground} noise ratio")
    note = (
        "detail: correlation with pan. consistency: JND from mul. noise: deviation of fine chroma in JND, "
        "where pan is flat, and in dark vegetation."
    )
    sections = [Section(FULL, "full: full scale, without truth", _FULL, rows, note)]
    for axis in AXES:
        figures = {name: counts.figures.fringes[axis]._asdict() for name, counts in found.items()}
        rows = with_ratio(with_ratio(figures), "p99", "p99 ratio")
        key = fringe_key(axis)
        title = f"{key}: fine contrast of chroma in JND, {_AXIS[axis]}; full scale"
        sections.append(Section(key, title, _FRINGE, rows))
    return sections


def fringe_key(axis: str) -> str:
    """Key of the table of fringes of one of `AXES`."""
    return f"fringe {axis}"


def difference_section(
    key: str, title: str, rows: Mapping[str, Difference], predictor: bool = True
) -> Section:
    """A table of ΔE, with or without ratios to the predictor."""
    figures = {name: one.summary() for name, one in rows.items()}
    columns = DIFFERENCE if predictor else tuple(column for column in DIFFERENCE if column != "ratio")
    title = f"{key}: ΔE in JND (L of lightness, C of chroma); {title}"
    return Section(key, title, columns, with_ratio(figures) if predictor else figures)


def picture_section(key: str, title: str, found: Mapping[str, Findings], protocol: str) -> Section:
    """The literature's figures against a truth; those of bands if any method makes bands."""
    rows = {name: _reduced(one, protocol) for name, one in found.items()}
    note = "PSNR (dB) and SSIM: of sRGB signals."
    if not any("SAM" in row for row in rows.values()):
        return Section(key, title, _PICTURE, rows, note)
    note += " SAM (degrees), ERGAS, Q2n, SCC: of all bands, where the sharpener gives them."
    return Section(key, title, (*_PICTURE, *_BANDS), rows, note)


def _full(counts: FullScaleCounts) -> dict[str, float]:
    figures, rest = counts.figures, counts.consistency.summary()
    return {
        "detail": figures.detail,
        "consistency": figures.consistency,
        **{f"consistency {name}": value for name, value in rest.items() if name != "mean"},
        **{f"{name} noise": value for name, value in figures.noise.items()},
    }


def _reduced(findings: Findings, key: str) -> dict[str, float]:
    figures = {name: mean.value for name, mean in findings.literature.get(key, {}).items()}
    square = figures.pop("square", math.nan)
    return {"PSNR": -10 * math.log10(square) if square > 0 else math.nan, **figures}


def _quality(findings: Findings) -> dict[str, float]:
    """Distortions and the indices made of them; empty for a method that makes no bands."""
    figures = {name: mean.value for name, mean in findings.literature.get(FULL, {}).items()}
    if not figures:
        return {}
    return {
        **figures,
        "QNR": (1 - figures["D_lambda"]) * (1 - figures["D_s"]),
        "HQNR": (1 - figures["D_lambda K"]) * (1 - figures["D_s MTF"]),
        "fringe p99": findings.band_fringe.percentile(99),
    }
