"""Scores on real pairs, the aims that they are compared with, and the page that shows both."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from affine import Affine

import aims
import card_page
import look
import pair_scores
import pairs
import potato
from potato.core.sensor_table import FOUR_BANDS, GEOEYE_1, QUICKBIRD_2, WORKSHOP
from potato.evaluation.by_pair import evaluate_pair
from potato.evaluation.methods import MethodSpec
from potato.evaluation.protocols import Protocols
from potato.model.model import Architecture
from real_pairs import find_pairs
from score_tables import markdown, sections_of


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with a WorldView-2 pair and a pair of GeoEye-1, in the places of the real ones."""
    folder = tmp_path_factory.mktemp("data")
    pan, mul = pairs.ground(48, 48)
    for place, bands in (("wv2/wv2", range(8)), ("pairs/geoeye1-left", (1, 2, 4, 6))):
        path = folder / place
        path.parent.mkdir()
        pairs.write(path.with_name(f"{path.name}-pan.tif"), pan)
        pairs.write(path.with_name(f"{path.name}-ms.tif"), mul[list(bands)], pairs.CORNER @ Affine.scale(4))
    return folder


def test_weights_are_judged_on_the_pairs_that_they_fit(data, network, tmp_path, monkeypatch):
    protocols = Protocols(displacements=(), literature=False, mtf=False)
    monkeypatch.setitem(pair_scores.PUBLISHED, "wv2", protocols)
    potato.save_model(network, tmp_path / "mine.safetensors")
    real = list(find_pairs(data))
    [mine] = pair_scores.judge_pairs(real, str(tmp_path / "mine.safetensors"), quick=True)
    shipped = pair_scores.judge_pairs(real, None, quick=True)
    assert (mine.name, mine.model) == ("wv2", "mine")
    assert [one.name for one in shipped] == ["wv2", "geoeye1-left"]
    [unknown] = pair_scores.of_unknown_sensors(real)
    assert (unknown.name, unknown.sensor) == ("geoeye1-left", FOUR_BANDS)
    files = (data / "wv2" / f"wv2-{kind}.tif" for kind in ("pan", "ms"))
    expected = evaluate_pair(
        *files, MethodSpec(network, ("predictor",)), protocols=pair_scores.PUBLISHED["wv2"]
    )
    table = pair_scores.pair_sections([mine], [], quick=True)[0]
    for figure, (key, column) in (pair_scores.RATIOS | pair_scores.PLAIN).items():
        if key.startswith("displaced"):
            assert math.isnan(table.rows[figure]["wv2 ratio"])
            continue
        rows = {name: row[column] for name, row in expected.section(key).rows.items()}
        row = table.rows[figure]
        assert row["wv2 weights"] == pytest.approx(rows["potato"], nan_ok=True), figure
        ratio = rows["potato"] / rows["predictor"] if figure in pair_scores.RATIOS else math.nan
        assert row["wv2 ratio"] == pytest.approx(ratio, nan_ok=True), figure


def test_the_mean_of_sensors_takes_each_sensor_once():
    judged = [
        SimpleNamespace(name=name, sensor=sensor)
        for name, sensor in (("a", GEOEYE_1), ("b", QUICKBIRD_2), ("c", QUICKBIRD_2))
    ]
    rows = {"a": {"ratio": 0.5}, "b": {"ratio": 0.9}, "c": {"ratio": 1.1}}
    found = pair_scores.with_means(judged, rows)
    assert found["mean of sensors"] == {"ratio": 0.75} and found["worst sensor"] == {"ratio": 1.0}


@pytest.mark.parametrize(
    ("value", "limit", "more", "reached"),
    [
        (0.9203, ".920", False, True),
        (0.9206, ".920", False, False),
        (0.874, ".87", False, True),
        (0.971, ".972", True, False),
        (0.9716, ".972", True, True),
        (math.nan, ".5", False, False),
        (None, ".5", False, False),
    ],
)
def test_an_aim_is_reached_to_its_digits(value, limit, more, reached):
    aim = aims.Aim("one", aims.at("table", "row", "column"), limit, more=more)
    tables = {"table": {"row": {} if value is None else {"column": value}}}
    assert aim.reached(tables) == reached


def test_the_worst_of_a_table_and_the_best_other_method_are_found():
    rows = {"everything": {"ratio": 0.4}, "water": {"ratio": 0.6}, "rare colours": {"ratio": 0.7}}
    assert aims.worst_kind({"scenes by kind": rows}) == 0.6
    fields = {"predictor": {"largest": 0.1}, "mine": {"largest": 0.3}}
    other = {"predictor": {"largest": 0.9}, "mine": {"largest": 0.2}}
    assert aims.worst_field({"flat fields": fields, "flat fields held out": other}) == 0.3
    one = {"gsa": 1.2, "brovey": 0.8, "weights": 0.9, "predictor": 0.01}
    table = {"a": one, "b": {**one, "weights": 0.7}, "mean of sensors": {**one, "weights": 9}}
    assert aims.to_best_method("plain ds0")({"sensors plain ds0": table}) == pytest.approx(0.9 / 0.8)


def test_the_page_has_the_figures_of_the_shipped_cards_and_says_which_aims_are_missed():
    cards = card_page.read_cards()
    text = card_page.PAGE.read_text("utf-8")
    assert text == card_page.page(cards), "run python runs/card_page.py"
    expected = []
    for card in cards:
        tables = {key: section.rows for key, section in sections_of(card["scores"]).items()}
        expected += aims.missed(tables, Architecture(**card["architecture"]).bands)
    print("missed or not measured:", ", ".join(expected) or "none")
    assert (
        re.findall(r"^\| ([^|]+) \| .* \| (?:\*\*missed\*\*|not measured) \|", text, re.MULTILINE) == expected
    )


def test_tables_keep_their_figures_in_json_and_in_markdown():
    document = {"sections": {"one": {"title": "One", "rows": {"a": {"x": 1.5, "y": None, "z": 1234}}}}}
    section = sections_of(document)["one"]
    assert math.isnan(section.rows["a"]["y"])
    assert markdown(section).splitlines()[2:] == [
        "|  | x | y | z |",
        "|---|---|---|---|",
        "| a | 1.500 | – | 1,234 |",
    ]


def test_windows_are_drawn_pixel_by_pixel_where_fringes_are():
    oklab = np.zeros((3, 192, 288), np.float32)
    oklab[2, 100:180, 200:280:8] = 0.05
    windows = look.choose_windows(oklab, WORKSHOP.ratio)
    assert (96, 192, 96, 96) in windows
    codes = np.random.default_rng(0).integers(0, 255, (3, 192, 288), np.uint8)
    for zoom in (1, 3):
        drawn = np.asarray(look.sheet({"a": codes, "b": 255 - codes}, [(96, 192, 40, 30)], zoom))
        top, left = 2 * look.LABEL, 30 * zoom + look.GUTTER
        for start, picture in ((0, codes), (left, 255 - codes)):
            seen = drawn[top : top + 40 * zoom : zoom, start : start + 30 * zoom : zoom]
            assert np.array_equal(seen, picture[:, 96:136, 192:222].transpose(1, 2, 0))
