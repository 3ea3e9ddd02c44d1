"""Grades: laws of the measurement, and where its constants come from."""

import csv
from pathlib import Path

import numpy as np
import pytest

import potato
from potato.core.color import linear_srgb_to_oklab, mul_to_oklab, oklab_to_linear_srgb
from potato.core.grade import (
    GREY,
    MOST_BLACK,
    NEAR_GREY,
    PLAIN,
    STANDARD,
    WHITE,
    Grade,
    grade_of,
    measure_grade,
    neutral,
)
from potato.core.sensor_table import WORLDVIEW_2
from potato.errors import InputError

RANDOM = np.random.default_rng(0)
LEAF = (0.07, 0.1, 0.025)
SOIL = (0.3, 0.15, 0.06)


def ground(cast=(1.0, 1.0, 1.0), haze=(0.0, 0.0, 0.0), others=()) -> np.ndarray:
    """Greys between shadow and concrete, and other colours in the light of each, seen in a cast."""
    light = np.exp(RANDOM.uniform(np.log(0.002), np.log(0.4), 20_000))
    greys = light * np.array(GREY)[:, None]
    rest = [light * (np.array(colour) / max(colour))[:, None] for colour in others]
    return np.concatenate([greys, *rest], 1) * np.array(cast)[:, None] + np.array(haze)[:, None]


def chroma(rgb) -> float:
    _, a, b = linear_srgb_to_oklab(np.array(rgb, dtype=float).reshape(3, 1, 1)).ravel()
    return float(np.hypot(a, b))


def kinds() -> dict[str, np.ndarray]:
    """Linear sRGB (3, n) of the packaged reflectances by kind."""
    path = Path(potato.__file__).parent / "assets" / "reflectances.csv"
    found: dict[str, list[list[float]]] = {}
    for row in csv.DictReader(path.read_text().splitlines()):
        found.setdefault(row["kind"], []).append([float(row[band]) / 1e4 for band in WORLDVIEW_2.bands])
    return {
        kind: oklab_to_linear_srgb(mul_to_oklab(np.array(rows).T[..., None], WORLDVIEW_2))[..., 0]
        for kind, rows in found.items()
    }


def test_grey_is_the_median_pavement_and_other_ground_is_far_from_it():
    measured = kinds()
    assert np.median(measured["pavement"] / measured["pavement"][1], 1) == pytest.approx(GREY, abs=0.005)
    for kind, near in {
        "pavement": True,
        "metal": True,
        "snow": True,
        "vegetation": False,
        "soil": False,
    }.items():
        red, green, blue = np.exp(np.log(measured[kind].clip(1e-3)).mean(1))
        off = np.hypot(np.log(red / green / GREY[0]), np.log(blue / green / GREY[2]))
        assert (off < NEAR_GREY) == near, kind


def test_the_standard_grade_makes_grey_ground_grey_and_keeps_its_brightness():
    graded = STANDARD.apply((0.2 * np.array(GREY) + 0.01)[:, None, None])
    assert chroma(graded) < 1e-3
    assert graded.max() == pytest.approx(0.2 * (np.array(GREY) @ [0.2126729, 0.7151522, 0.0721750]), rel=1e-3)
    assert np.abs(STANDARD.undo(STANDARD.apply(graded)) - graded).max() < 1e-9


@pytest.mark.parametrize("others", [(), (LEAF,), (LEAF, SOIL)])
@pytest.mark.parametrize("cast", [(1, 1, 1), (1.15, 1.0, 0.85), (0.9, 1.0, 1.2)])
def test_casts_and_haze_are_measured_whatever_else_is_there(cast, others):
    haze = (0.01, 0.02, 0.03)
    grade = measure_grade(ground(cast, haze, others))
    assert grade.black == pytest.approx(haze, abs=0.004)
    seen = np.array(GREY) * cast * 0.2 + haze
    # Pale soils and dry leaves count as grey ground, too.
    assert chroma(grade.apply(seen[:, None, None])) < 0.015


def test_the_brightest_ground_becomes_bright_within_limits():
    for light, factor in ((0.5, None), (0.05, 4.0), (5.0, 0.75)):
        grade = measure_grade(ground() * light)
        graded = grade.apply(ground()[:, :, None] * light)
        top = np.quantile(np.einsum("c,cnx->n", [0.2126729, 0.7151522, 0.0721750], graded), 0.98)
        assert factor or top == pytest.approx(WHITE, rel=0.02)
        luminance = 1 / np.dot([0.2126729, 0.7151522, 0.0721750], 1 / np.array(grade.gain))
        assert not factor or luminance == pytest.approx(factor, rel=1e-3)


def test_without_grey_ground_it_is_the_standard_hue_and_blacks_are_limited():
    leaves = np.array(LEAF)[:, None] * RANDOM.uniform(0.5, 2, 500) + 0.2
    grade = measure_grade(leaves)
    assert max(grade.black) == MOST_BLACK
    only = measure_grade(np.array(SOIL)[:, None] * RANDOM.uniform(0, 2, 500))
    assert np.array(only.gain) / only.gain[1] == pytest.approx(1 / np.array(GREY), rel=1e-3)
    with pytest.raises(InputError, match="valid pixels"):
        measure_grade(np.zeros((3, 0)))


def test_a_grade_survives_the_tags_of_a_file_and_nonsense_does_not():
    for grade in (PLAIN, STANDARD, neutral(SOIL, (0.01, 0, 0.03), 2)):
        assert grade_of(grade.tags) == grade
    for black, gain in (
        ("0 0", "1 1 1"),
        ("0 0 0", "1 1 0"),
        ("0 0 nan", "1 1 1"),
        ("-1 0 0", "1 1 1"),
        ("0 0 0", "x"),
    ):
        assert grade_of({"POTATO_BLACK": black, "POTATO_GAIN": gain}) is None
    assert grade_of({"POTATO_GAIN": "1 1 1"}) is None


def test_a_grey_picture_gets_no_hue():
    grey = Grade((0.01, 0.02, 0.03), (0.5, 1, 2)).grey
    assert len(set(grey.black)) == len(set(grey.gain)) == 1
    assert chroma(grey.apply(np.full((3, 1, 1), 0.3))) < 1e-4
