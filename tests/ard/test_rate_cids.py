import json
import shutil

import numpy as np
import pytest
from scipy.stats import spearmanr

from ards import a_rating, read_table
from potato.ard.rating.measures import AXES, HAZE_WHITE, quality_index
from potato.ard.rating.rate_ard import COLUMNS, choose_best, rate_cids
from potato.ard.synthetic.builder import make_ard
from potato.ard.synthetic.collects import PassPlan, plan_cid, plan_squares
from potato.ard.walk import walk_ard
from potato.errors import ArdError, InputError, OutputError, OutputExists
from servers import serve_bucket, serve_folder


def test_ratings_agree_with_the_truth_of_a_synthetic_ard(tmp_path):
    count = 12
    places = np.arange(count)

    def spread(step, most):
        """Shares from 0 to `most`, evenly spaced once rated, in an order of their own."""
        return most * ((places * step % count) / (count - 1)) ** (1 / 0.6)

    clouds, water, haze = spread(7, 0.4), spread(5, 0.6), HAZE_WHITE * spread(11, 0.5) ** 0.5
    collects = [
        PassPlan(
            plan_cid(place, 0, "WV03"),
            "WV03",
            "2023-05-16",
            plan_squares(33, 1, 2 * place),
            plain=0.95 * place / (count - 1),
            water=water[place],
            clouds=clouds[place],
            haze=haze[place],
            reported=False,
            seed=900 + place,
        )
        for place in places.tolist()
    ]
    made = make_ard(tmp_path / "event", size=680, collects=collects, broken=False)
    rated = rate_cids(str(made.folder), tmp_path / "ratings.csv")
    found = {one.cid: one for one in rated.ratings}
    ratings = np.array([[getattr(found[one.cid], axis) for axis in AXES] for one in collects])
    truths = [made.truths[one.cid] for one in collects]
    seen = [
        (1 - truth.clouds) * (1 - (one.haze / HAZE_WHITE) ** 2)
        for one, truth in zip(collects, truths, strict=True)
    ]
    dry, built = [1 - truth.water for truth in truths], [1 - truth.plain for truth in truths]
    correlations = [
        spearmanr(truth, ratings[:, axis]).statistic for axis, truth in enumerate((seen, dry, built))
    ]
    assert min(correlations) >= 0.9, correlations
    # Not only the order: clouds and water are found where they are.
    assert (
        np.abs(
            [found[one.cid].clouds / 100 - truth.clouds for one, truth in zip(collects, truths, strict=True)]
        ).mean()
        < 0.05
    )
    assert (
        np.abs(
            [found[one.cid].wet / 100 - truth.water for one, truth in zip(collects, truths, strict=True)]
        ).mean()
        < 0.06
    )


def test_every_usable_cid_is_rated_and_other_tiles_counted(event, tmp_path):
    rated = rate_cids(str(event), tmp_path / "ratings.csv")
    rows = read_table(tmp_path / "ratings.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [row["cid"] for row in rows] == [one.cid for one in rated.ratings]
    assert len(rows) == 3 and sum(int(row["tiles"]) for row in rows) == 6
    indexes = [float(row["index"]) for row in rows]
    assert indexes == sorted(indexes, reverse=True)
    for row in rows:
        parts = [float(row[axis]) for axis in AXES]
        assert all(0 <= part <= 4 for part in parts)
        assert float(row["index"]) == pytest.approx(quality_index(*parts), abs=1e-4)
    assert {row["zones"] for row in rows} == {"33", "32 33"}
    assert rated.left_out == {
        "pan only": 1,
        "a sensor that Potato doesn't know: XY01": 1,
        "neither pan nor mul": 1,
        "an asset without an href": 1,
        "a missing file": 1,
    }
    assert not rated.broken and rated.allowed is None
    assert not list(tmp_path.glob(".*"))


def test_satellites_that_see_the_same_ground_rate_it_alike(tmp_path):
    collects = [
        PassPlan(
            plan_cid(0, 0, name),
            name,
            "2023-05-16",
            plan_squares(33, 1, 0),
            plain=0.3,
            water=0.2,
            clouds=0.15,
            haze=0.03,
            reported=False,
            seed=8,
        )
        for name in ("WV02", "GE01", "LG01")
    ]
    made = make_ard(tmp_path / "event", size=408, collects=collects, broken=False)
    rated = {one.platform: one for one in rate_cids(str(made.folder), tmp_path / "ratings.csv").ratings}
    for name in ("GE01", "LG01"):
        one, other = rated[name], rated["WV02"]
        assert one.clouds == pytest.approx(other.clouds, abs=3) and one.wet == pytest.approx(other.wet, abs=3)
        for axis in AXES:
            assert getattr(one, axis) == pytest.approx(getattr(other, axis), abs=0.3)


def test_the_result_does_not_depend_on_workers(event, tmp_path):
    one = rate_cids(str(event), tmp_path / "1.csv", sheet=tmp_path / "1.html", workers=1)
    four = rate_cids(str(event), tmp_path / "4.csv", sheet=tmp_path / "4.html", workers=4)
    assert one.ratings == four.ratings
    for ending in ("csv", "html"):
        assert (tmp_path / f"1.{ending}").read_bytes() == (tmp_path / f"4.{ending}").read_bytes()


def test_tiles_per_cid_limits_the_tiles_read(event, tmp_path):
    rated = rate_cids(str(event), tmp_path / "ratings.csv", tiles_per_cid=1)
    assert [(one.tiles, one.looked) for one in rated.ratings] == [(2, 1)] * 3


def test_the_allow_list_holds_the_best():
    ratings = [a_rating(f"10300100000{place}AA00", (3 + place / 10, 4.0, 4.0)) for place in range(6)]
    order = [one.cid for one in reversed(ratings)]
    assert choose_best(ratings) == tuple(order[:5])  # the last has an index of 0
    assert choose_best(ratings, top=2) == tuple(order[:2])
    assert choose_best(ratings, above=0.25) == tuple(order[:3])
    assert choose_best(ratings, top=1, above=0.25) == tuple(order[:1])
    assert choose_best(ratings, above=0.9) == ()


def test_only_overviews_are_read_from_a_server(tmp_path):
    sides = {"overview_sides": (272, 68)}
    collect = PassPlan("103001000000AA00", "WV02", "2023-05-16", plan_squares(33, 1, 0))
    event = make_ard(tmp_path / "event", size=1088, collects=[collect], broken=False).folder
    pixels = sum(path.stat().st_size for path in event.rglob("*.tif") if "visual" not in path.name)
    local = rate_cids(str(event), tmp_path / "local.csv", **sides).ratings
    with serve_folder(event) as server:
        remote = rate_cids(server.url, tmp_path / "remote.csv", **sides).ratings
        read = sum(1 for _, path, _, _ in server.requests if path.endswith(".tif"))
    assert remote == local
    assert read > 0 and server.sent < 0.2 * pixels
    assert not any("visual" in path for _, path, _, _ in server.requests)


def test_a_bucket_is_rated_the_same(event, tmp_path):
    with serve_bucket(event) as address:
        remote = rate_cids(address, tmp_path / "remote.csv")
    assert remote.ratings == rate_cids(str(event), tmp_path / "local.csv").ratings


def test_tiles_that_cannot_be_read_are_reported_and_the_rest_rated(event, tmp_path):
    spoilt = shutil.copytree(event, tmp_path / "event")
    tiles = [tile for tile in walk_ard(str(spoilt)) if tile.mul and tile.platform == "WV03"]
    whole = rate_cids(str(spoilt), tmp_path / "a.csv").ratings
    cut, _, text = (tiles[place].mul for place in (0, 1, 2))
    for path, content in ((cut, None), (text, b"not a picture")):
        with open(path, "r+b") as file:  # noqa: PTH123  (it may be a name)
            file.truncate(20_000)
            if content:
                file.seek(0)
                file.write(content)
    rated = rate_cids(str(spoilt), tmp_path / "b.csv", sheet=tmp_path / "b.html")
    assert len(rated.broken) == 2
    assert any("cut short" in one.reason for one in rated.broken)
    assert any("can't open mul" in one.reason for one in rated.broken)
    assert {one.cid for one in rated.ratings} == {one.cid for one in whole}
    assert sum(one.looked for one in rated.ratings) == 4
    assert "unreadable: can" in (tmp_path / "b.html").read_text()


def test_a_file_that_the_server_refuses_is_reported(event, tmp_path):
    with serve_folder(event) as server:
        server.faults[r".*/103\w+-pan\.tif"] = 403
        rated = rate_cids(server.url, tmp_path / "ratings.csv")
    # Two tiles of one CID, and the one whose mul is missing, which shows on the web only now.
    assert len(rated.broken) == 3 and all("can't open" in one.reason for one in rated.broken)
    assert len(rated.ratings) == 2


def test_an_image_without_overviews_is_not_read_whole(event, tmp_path):
    with pytest.raises(ArdError, match=r"none that can be read.*make them: gdaladdo"):
        rate_cids(str(event), tmp_path / "ratings.csv", overview_sides=(10, 320))
    assert not (tmp_path / "ratings.csv").exists()


def test_an_ard_without_usable_tiles_is_an_error_with_reasons(event, tmp_path):
    spoilt = shutil.copytree(event, tmp_path / "event")
    for tile in list(walk_ard(str(spoilt))):
        if tile.platform in ("WV02", "WV03"):
            shutil.rmtree(spoilt / tile.item.rpartition("/")[0])
    other = "1 tile, a sensor that Potato doesn't know: XY01"
    with pytest.raises(ArdError, match=f"1 tile, pan only; {other} "):
        rate_cids(str(spoilt), tmp_path / "ratings.csv")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"top": 3}, InputError, "use --allow-list"),
        ({"above": 0.5}, InputError, "use --allow-list"),
        ({"tiles_per_cid": 0}, InputError, "1 tile or more"),
        ({"allow_list": "list.txt", "top": 0}, InputError, "1 CID or more"),
        ({"allow_list": "ratings.csv"}, OutputError, "found one twice"),
        ({"sheet": "nowhere/sheet.html"}, OutputError, "create it first"),
        ({"sheet": "there.html"}, OutputExists, "there is a file"),
    ],
)
def test_impossible_requests_are_refused_before_any_output(
    event, tmp_path, monkeypatch, settings, error, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.html").touch()
    with pytest.raises(error, match=message):
        rate_cids(str(event), **settings)
    assert [path.name for path in tmp_path.iterdir()] == ["there.html"]


def test_a_full_disk_leaves_the_old_table(event, tmp_path, monkeypatch):
    output = tmp_path / "ratings.csv"
    output.write_text("old")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        rate_cids(str(event), output, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["ratings.csv"] and output.read_text() == "old"


def test_the_command_writes_table_allow_list_and_sheet(run, event, tmp_path):
    names = [tmp_path / name for name in ("ratings.csv", "allow.txt", "sheet.html")]
    arguments = ("rate-cids", event, "-o", names[0], "--allow-list", names[1], "--sheet", names[2])
    result = run(*arguments, "--above", 0)
    assert result.exit_code == 0, result.stderr
    rows = read_table(names[0])
    good = [row["cid"] for row in rows if float(row["index"]) > 0]
    assert good and names[1].read_text() == "".join(cid + "\n" for cid in good)
    assert "3 CIDs rated" in result.stdout and "left out: 1 tile, a missing file" in result.stdout
    again = run(*arguments)
    assert again.exit_code == 1 and "--overwrite" in again.stderr
    assert run(*arguments, "--overwrite", "--top", 1, "-q", "--tiles-per-cid", 1, "-j", 1).stdout == ""
    assert len(names[1].read_text().split()) == 1
    report = json.loads(run(*arguments, "--overwrite", "--json").stdout)
    assert [one["cid"] for one in report["ratings"]] == [row["cid"] for row in rows]
