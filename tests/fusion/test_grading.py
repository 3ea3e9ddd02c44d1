"""Grades: measured once on a whole pair or pass, kept in a JSON, equal wherever they apply."""

import json

import pytest
import rasterio

import ards
import pairs
from fused_ards import fuse_inline, names
from potato import fuse
from potato.core.grade import STANDARD, grade_of
from potato.errors import InputError

FAST = {"weights": "predictor", "profile": "tiled"}


def tags_of(path) -> dict[str, str]:
    with rasterio.open(path) as file:
        return file.tags()


@pytest.fixture
def pair(tmp_path):
    return pairs.write_pair(tmp_path)


def test_a_part_of_a_pair_has_the_grade_of_the_whole(pair, tmp_path):
    for name, options in {"whole": {}, "part": {"window": (40, 80, 80, 40)}}.items():
        (tmp_path / name).mkdir()
        fuse(pair.pan, pair.mul, tmp_path / name / "o.tif", look="clear", grade=True, **FAST, **options)
    whole, part = (tmp_path / name / "o.tif" for name in ("whole", "part"))
    assert (pairs.read(part)[:3] == pairs.read(whole)[:3, 40:120, 80:120]).mean() > 0.99  # dither moves
    kept = [json.loads((path.parent / "x-ms.grade.json").read_text()) for path in (whole, part)]
    assert kept[0] == kept[1]
    grade = grade_of(tags_of(part))
    assert grade.facts == {name: kept[0][name] for name in ("black", "gain")} and grade != STANDARD


def test_a_kept_grade_is_used_again_and_by_other_pairs(pair, tmp_path):
    fuse(pair.pan, pair.mul, tmp_path / "first.tif", grade=True, **FAST)
    file = tmp_path / "x-ms.grade.json"
    kept = json.loads(file.read_text()) | {"gain": [1, 2, 3]}
    file.write_text(json.dumps(kept))
    fuse(pair.pan, pair.mul, tmp_path / "second.tif", grade=True, **FAST)
    (tmp_path / "other").mkdir()
    other = pairs.write_pair(tmp_path / "other", seed=1)
    fuse(other.pan, other.mul, tmp_path / "third.tif", grade=file, **FAST)
    for name in ("second", "third"):
        assert tags_of(tmp_path / f"{name}.tif")["POTATO_GAIN"] == "1 2 3"


def test_the_grade_of_other_numbers_or_of_nothing_is_refused(pair, tmp_path):
    fuse(pair.pan, pair.mul, tmp_path / "first.tif", grade=True, **FAST)
    file = tmp_path / "x-ms.grade.json"
    kept = json.loads(file.read_text())
    for change in (
        {"product": "another"},
        {"gain": [0, 1, 1]},
        {"gain": [10**400, 1, 1]},
        {"black": 3},
        {"format": "x"},
    ):
        file.write_text(json.dumps(kept | change))
        with pytest.raises(InputError, match=r"x-ms\.grade\.json: expected"):
            fuse(pair.pan, pair.mul, tmp_path / "second.tif", grade=True, **FAST)
    with pytest.raises(InputError, match="can't read"):
        fuse(pair.pan, pair.mul, tmp_path / "second.tif", grade=tmp_path / "none.json", **FAST)
    with pytest.raises(InputError, match="true colour"):
        fuse(pair.pan, pair.mul, tmp_path / "second.tif", grade=True, composite="nir1,red,green", **FAST)
    assert not (tmp_path / "second.tif").exists()


def test_all_tiles_of_a_pass_have_one_grade_whichever_are_chosen(tmp_path):
    ards.write_ard(tmp_path / "ard", 2, 1, side=32)
    ards.write_tile(tmp_path / "ard", 0, 0, cid=ards.OTHER, side=32)
    whole = fuse_inline(tmp_path / "ard", tmp_path / "whole", grade=True, **FAST)
    west, _ = names(whole.folder)[0], None
    grades = {name: grade_of(tags_of(whole.folder / f"{name}.tif")).facts for name in names(whole.folder)}
    first, other = (
        json.loads((whole.folder / "grade" / f"{cid}.json").read_text()) for cid in (ards.CID, ards.OTHER)
    )
    assert len(grades) == 3 and first["gain"] != other["gain"]
    for name, facts in grades.items():
        kept = first if name.endswith(ards.CID) else other
        assert facts == {key: kept[key] for key in facts}
    east = next(name for name in grades if name.endswith(ards.CID) and name != west)
    again = fuse_inline(tmp_path / "ard", whole.folder, grade=True, **FAST)
    assert (again.done, again.there) == (0, 3)
    item = json.loads((whole.folder / f"{east}.json").read_text())
    assert item["properties"]["potato:gain"] == " ".join(f"{value:g}" for value in grades[east]["gain"])
    cloudy = next((tmp_path / "ard").rglob(f"{west.split('/')[1]}/*/{ards.CID}.json"))
    data = json.loads(cloudy.read_text())
    data["properties"]["tile:clouds_percent"] = 90
    cloudy.write_text(json.dumps(data))
    part = fuse_inline(
        tmp_path / "ard", tmp_path / "part", grade=True, max_clouds=10, cids=[ards.CID], **FAST
    )
    assert names(part.folder) == [east]
    assert grade_of(tags_of(part.folder / f"{east}.tif")).facts == grades[east]


def test_a_pass_that_cannot_be_measured_does_not_stop_the_others(tmp_path):
    ards.write_tile(tmp_path / "ard", 0, 0, side=32)
    ards.write_tile(tmp_path / "ard", 1, 0, side=32, cid=ards.OTHER)
    broken = next((tmp_path / "ard").rglob(f"{ards.OTHER}-ms.tif"))
    broken.write_bytes(broken.read_bytes()[:200])
    made = fuse_inline(tmp_path / "ard", tmp_path / "out", grade=True, **FAST)
    assert made.done == 1 and not made.complete
    assert f"grade of {ards.OTHER} can't be measured" in made.lost[0].reason
