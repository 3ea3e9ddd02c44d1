"""Areas that are sharpened in the background."""

import json
import time

import numpy as np
import pytest
from rasterio.warp import transform

import ards
import pairs
from pictures import decode
from potato import fuse, fuse_ard, open_pair
from potato.raster.coordinates import grid_to_lonlat
from potato.raster.web_mosaic import HALF_WORLD, zoom_pixel
from potato.serving.job_list import ENDED, JobList
from potato.serving.mercator import project
from potato.serving.server import Server
from serving_requests import ask

# pytest puts warning filters back after each phase of a test, while the server still works.
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def square_of(pan, mul) -> dict:
    """A polygon inside a pair."""
    with open_pair(pan, mul) as pair:
        ends = [grid_to_lonlat(pair.grid, x, y) for x, y in ((40, 40), (100, 40), (100, 90), (40, 90))]
    return {"type": "Polygon", "coordinates": [[list(end) for end in (*ends, ends[0])]]}


def finished(address: str, name: str, state: str = "done") -> dict:
    """The job, as soon as it has ended."""
    for _ in range(12_000):
        job = next(one for one in ask(address, "jobs").json if one["id"] == name)
        if job["state"] not in ("waiting", "running"):
            assert job["state"] == state, job
            return job
        time.sleep(0.05)
    raise AssertionError(job)


def test_the_job_of_a_pair_makes_the_file_of_the_command_and_outlives_the_server(pair, tmp_path):
    area, output = square_of(pair.pan, pair.mul), tmp_path / "out"
    before = {path: path.read_bytes() for path in pair.pan.parent.iterdir() if path.is_file()}
    with Server([pair.pan, pair.mul], output=output) as server:
        assert ask(server.address, "source.json").json["output"] == "out"
        wish = {"area": area, "look": "clear", "exposure": 1, "name": "../Main street"}
        answer = ask(server.address, "jobs", "POST", wish)
        assert answer.status == 202 and answer.json["state"] == "waiting" and answer.json["file"] is None
        job = finished(server.address, answer.json["id"])
        assert job["id"] == "Main-street" and job["progress"] == 1 and job["area"] == area
        made = ask(server.address, job["file"][1:]).body
        assert len(made) == job["size"]
        west, south, east, north = job["bounds"]
        shown = ask(server.address, f"tiles/0/0/0.png?picture={job['id']}")
        assert shown.status == 200 and west < east and south < north
        cancelled = ask(server.address, f"jobs/{job['id']}", "DELETE").json
        assert cancelled["state"] == "done", "a finished picture stays"
    (tmp_path / "area.geojson").write_text(json.dumps(area))
    from potato.core.render import CLEAR, adjust

    look = adjust(CLEAR, CLEAR.exposure * 2)
    fuse(pair.pan, pair.mul, tmp_path / "own.tif", aoi=tmp_path / "area.geojson", look=look)
    assert made == (tmp_path / "own.tif").read_bytes()
    assert {path.name for path in output.iterdir()} == {
        "Main-street.tif",
        "Main-street.geojson",
        ".potato-serve.lock",
    }
    assert before == {path: path.read_bytes() for path in before}
    with Server([pair.pan, pair.mul], output=output) as server:
        again = ask(server.address, "jobs").json
        assert [one["id"] for one in again] == ["Main-street"] and again[0]["state"] == "done"
        assert ask(server.address, "jobs/Main-street/picture.tif").body == made
    fuse(pair.pan, pair.mul, tmp_path / "b.tif", aoi=output / "Main-street.geojson", look=look)
    assert made == (tmp_path / "b.tif").read_bytes(), "a job's file is an area of interest"


def test_the_job_of_an_ard_makes_the_mosaic_of_the_command(event, tmp_path):
    item = next(event.glob(f"11/*/*/{ards.CID}.json"))
    area = square_of(item.with_name(f"{ards.CID}-pan.tif"), item.with_name(f"{ards.CID}-ms.tif"))
    with Server([event], output=tmp_path / "out") as server:
        answer = ask(server.address, "jobs", "POST", {"area": area})
        assert answer.json["pass"] is None, "the best pass is taken"
        job = finished(server.address, answer.json["id"])
        made = ask(server.address, job["file"][1:]).body
    (tmp_path / "area.geojson").write_text(json.dumps(area))
    fuse_ard(event, tmp_path / "own", cids=[ards.CID], aoi=tmp_path / "area.geojson", mosaic="cog", workers=0)
    assert made == next((tmp_path / "own" / "mosaic").rglob("*.tif")).read_bytes()
    assert not list((tmp_path / "out").glob("*.tiles"))


def test_a_job_shows_what_the_filters_and_holes_let_the_map_show(tmp_path):
    """A tile of the better pass is cloudier than the filter allows; the other one has a hole."""
    half = np.arange(68)[None].repeat(68, 0) > 20
    grounds = {ards.CID: ards.flat_ground("red", 68), ards.OTHER: ards.flat_ground("blue", 68)}
    for cid, column, clouds in (
        (ards.CID, 0, 5),
        (ards.CID, 1, 80),
        (ards.OTHER, 0, 60),
        (ards.OTHER, 1, 60),
    ):
        holes = {"valid": half} if (cid, column) == (ards.CID, 0) else {}
        changes = {"tile:clouds_percent": clouds}
        ards.write_tile(
            tmp_path / "ard", column, cid=cid, side=68, ground=grounds[cid], changes=changes, **holes
        )
    left, top = ards.WEST + 500, ards.NORTH - 1500
    corners = ((left, top), (left, top - 2000), (left + 9000, top - 2000), (left + 9000, top))
    ring = np.stack(transform("EPSG:32611", "EPSG:4326", *zip(*corners, strict=True)), 1).tolist()
    area = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    with Server([tmp_path / "ard"], output=tmp_path / "out") as server:
        job = finished(
            server.address, ask(server.address, "jobs", "POST", {"area": area, "clouds": 70}).json["id"]
        )
        size = 2 * HALF_WORLD / 2**12
        (west, north), (east, south) = (project(*ring[corner]) for corner in (0, 2))
        shown, made = (
            np.concatenate(
                [
                    decode(ask(server.address, f"tiles/12/{column}/{row}.png?{query}").body)
                    for row in range(int((HALF_WORLD - north) // size), int((HALF_WORLD - south) // size) + 1)
                    for column in range(
                        int((west + HALF_WORLD) // size), int((east + HALF_WORLD) // size) + 1
                    )
                ],
                1,
            ).astype(int)
            for query in ("clouds=70", f"picture={job['id']}")
        )
    inside = made[3] > 0
    red, blue = ((codes[0] > codes[2]) & inside for codes in (shown, -shown))
    assert red.sum() > 500 and blue.sum() > 1000
    # The map samples coarser blocks than the job, and a wrong pass differs by a hundred levels.
    assert np.percentile(np.abs(made - shown)[:3, inside], 98) <= 4
    assert inside.sum() == pytest.approx(
        9000 * 2000 / (zoom_pixel(12) * np.cos(np.radians(36.1))) ** 2, rel=0.03
    )


@pytest.mark.parametrize(
    "wish, reason",
    [
        ({"coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}, "on ground that can be sharpened"),
        ({"coordinates": [4 * [[0, 0]]]}, "on ground that can be sharpened"),
        ({"coordinates": [[[0, 0], [1, 0], [1, 1e9], [0, 0]]]}, "in degrees"),
        ({"coordinates": [[[0, 0], [1, 0]]]}, "at least 4"),
        ({"coordinates": []}, "at least 1"),
    ],
)
def test_an_area_that_cannot_be_sharpened_is_refused(pair, tmp_path, wish, reason):
    with Server([pair.pan, pair.mul], output=tmp_path / "out") as server:
        answer = ask(server.address, "jobs", "POST", {"area": {"type": "Polygon", **wish}})
        assert answer.status == 400 and reason in answer.json["error"]
        assert not list((tmp_path / "out").glob("*.geojson"))


def test_an_area_of_two_sources_is_refused_until_one_is_chosen(tmp_path):
    """A job has one source; a picture of the first alone would be empty where the map isn't."""
    left, whole = (tmp_path / name for name in ("left", "whole"))
    for folder, valid in ((left, np.arange(160) < 100), (whole, None)):
        folder.mkdir()
        pairs.write_pair(folder, valid=valid)
    area = square_of(whole / "x-pan.tif", whole / "x-ms.tif")
    sources = [folder / name for folder in (left, whole) for name in ("x-pan.tif", "x-ms.tif")]
    with Server(sources, output=tmp_path / "out") as server:
        first, second = (one["id"] for one in ask(server.address, "source.json").json["passes"])
        answers = [
            ask(server.address, "jobs", "POST", {"area": area, **choice})
            for choice in ({}, {"pass": first}, {"pass": second})
        ]
        assert [answer.status for answer in answers] == [400, 202, 202]
        assert f"found several: {first}, {second}; " in answers[0].json["error"]


def test_jobs_are_cancelled_while_they_wait_and_while_they_run(pair, tmp_path):
    area = square_of(pair.pan, pair.mul)
    with Server([pair.pan, pair.mul], output=tmp_path / "out") as server:
        names = [ask(server.address, "jobs", "POST", {"area": area}).json["id"] for _ in range(2)]
        assert len(set(names)) == 2
        for name in reversed(names):
            assert ask(server.address, f"jobs/{name}", "DELETE").json["state"] == "cancelled"
        assert ask(server.address, "jobs/nobody", "DELETE").status == 404
    assert not list((tmp_path / "out").glob("*.tif"))


def test_jobs_of_a_server_that_was_killed_are_cancelled(tmp_path):
    facts = {"format": "potato job 1", "id": "a", "state": "running", "created": "2026-01-01T00:00:00+00:00"}
    facts |= {"progress": 0.5, "message": "", "pass": "p", "look": "natural"}
    area = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    for name, geometry in (("a", area), ("c", {"type": "Polygon", "coordinates": []}), ("d", None)):
        own = {**facts, "id": name}
        feature = {"type": "Feature", "geometry": geometry, "properties": own}
        (tmp_path / f"{name}.geojson").write_text(json.dumps(feature))
    (tmp_path / "b.geojson").write_text("{}")
    (tmp_path / "a.tiles").mkdir()
    jobs = JobList(tmp_path)
    try:
        assert [(job.id, job.state, job.message) for job in jobs] == [("a", "cancelled", ENDED)]
        assert not (tmp_path / "a.tiles").exists() and (tmp_path / "b.geojson").read_text() == "{}"
    finally:
        jobs.close()
