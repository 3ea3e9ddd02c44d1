"""The text of a report's page, which stands alone."""

import re

import numpy as np
import pytest

import pairs
from pages import Reader, data_of, picture_of
from pictures import HOSTILE, noise, write_picture
from potato.core.render import NATURAL
from potato.report.write import write_report


def test_the_notes_say_what_the_page_leaves_out(fused, tmp_path):
    pair, pictures = fused
    alone = write_report([pictures["natural"]], tmp_path / "a.html", window=(40, 40, 80, 80))
    whole = write_report([pictures["natural"]], tmp_path / "b.html", pair=(pair.pan, pair.mul))
    assert "rows 40–120, columns 40–120, 25.0% of the picture" in alone.notes[0]
    assert any("no pair was given" in note for note in alone.notes)
    assert any("only one picture" in note for note in alone.notes)
    assert whole.notes[0] == "The page holds every pixel of the pictures, unchanged."
    assert not any("no pair" in note or "only one" in note for note in whole.notes)
    for report in (alone, whole):
        text = Reader(report.output).text
        assert all(note in text for note in report.notes)
    assert str(alone.output) in str(alone) and "25.0%" in str(alone)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"POTATO_LOOK": "sepia"},
        {"POTATO_LOOK": "natural", "POTATO_EXPOSURE": "nan", "POTATO_CONTRAST": "1"},
    ],
)
def test_a_picture_without_a_known_look_is_shown_unchanged(tmp_path, tags):
    codes = noise((90, 120, 60), 40, 40)
    report = write_report([write_picture(tmp_path / "a.tif", codes, tags=tags)], tmp_path / "a.html")
    assert any("no tag names its look" in note for note in report.notes)
    assert np.array_equal(picture_of(data_of(report.output)["layers"][0]["window"]), codes)


def test_markup_in_names_and_tags_is_escaped(fused, tmp_path):
    pair, pictures = fused
    name = HOSTILE.replace("/", "")
    codes = pairs.read(pictures["natural"])[:3]
    hostile = write_picture(tmp_path / f"{name}.tif", codes, tags={"POTATO_PAN": HOSTILE, HOSTILE: HOSTILE})
    report = write_report([pictures["natural"], hostile], tmp_path / "a.html", pair=(pair.pan, pair.mul))
    page, plain = Reader(report.output), write_report([pictures["natural"]] * 2, tmp_path / "b.html")
    assert page.count["script"] == Reader(plain.output).count["script"] == 3
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count(HOSTILE) >= 2 and f"{name}.tif" in page.text
    assert data_of(report.output)["layers"][1]["name"] == f"{name}.tif"


def test_provenance_lists_facts_and_tags_and_cuts_long_ones(fused, tmp_path):
    _, pictures = fused
    codes = pairs.read(pictures["natural"])[:3]
    long = write_picture(tmp_path / "long.tif", codes, tags={"NOTE": "x" * 10_000})
    text = Reader(write_report([pictures["natural"], long], tmp_path / "a.html").output).text
    assert "x" * 400 + "…" in text and "x" * 401 not in text
    for fact in ("POTATO_LOOK", "POTATO_WEIGHTS", "x-pan.tif", "160 × 160 pixels", "EPSG:32611"):
        assert fact in text


def test_pictures_with_one_file_name_get_different_names(fused, tmp_path):
    _, pictures = fused
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "natural.tif"
    twin.write_bytes(pictures["natural"].read_bytes())
    report = write_report([pictures["natural"], twin, twin], tmp_path / "a.html")
    assert report.layers[:3] == (str(pictures["natural"]), str(twin), f"{twin} (3)")


def test_labels_leave_out_what_all_names_begin_with_and_the_title_keeps_it(fused, tmp_path):
    _, pictures = fused
    copies = [tmp_path / f"CID_1-{name}.tif" for name in ("sharp", "shared")]
    for copy in copies:
        copy.write_bytes(pictures["natural"].read_bytes())
    report = write_report(copies, tmp_path / "a.html")
    assert report.layers[:2] == ("sharp.tif", "shared.tif")
    assert "CID_1-sharp.tif · CID_1-shared.tif" in report.output.read_text()


def test_the_page_refers_to_no_other_file_or_address(fused, tmp_path):
    pair, pictures = fused
    page = write_report([pictures["natural"]], tmp_path / "a.html", pair=(pair.pan, pair.mul)).output
    addresses = [value for name, value in Reader(page).attributes if name in ("src", "href", "action")]
    assert addresses and all(address.startswith("data:") for address in addresses)
    text = page.read_text()
    policy = re.search(r'Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; img-src data:; ") and "unsafe" not in policy
    assert "sourceMappingURL" not in text
    assert "Redistribution and use in source and binary forms" in text and "CodePlex" in text


def test_two_pictures_of_4096_pixels_a_side_make_a_page_below_20_mb(tmp_path):
    piece = noise((90, 120, 60), 1024, 1024)
    pictures = [
        write_picture(tmp_path / f"{n}.tif", np.tile(piece + np.uint8(n), (1, 4, 4)), tags=NATURAL.tags)
        for n in range(2)
    ]
    report = write_report(pictures, tmp_path / "a.html")
    assert report.size == report.output.stat().st_size < 20e6
    assert 0.1 < report.window.height * report.window.width / 4096**2 < 0.2
    assert "4 × 4" in report.notes[0]
