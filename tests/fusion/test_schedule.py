import dataclasses

import pytest

import ards
from fused_ards import ALONE, OURS, TILE
from potato.fusion.ard.manifest import Manifest, Record
from potato.fusion.ard.plan import Plan
from potato.fusion.ard.schedule import make_schedule


@pytest.mark.parametrize(
    ("state", "same", "there", "place", "replacing"),
    [
        (None, True, False, "todo", False),
        ("started", True, False, "todo", True),
        ("started", False, True, "todo", True),
        ("done", True, True, "there", None),
        ("done", True, False, "todo", True),
        ("done", False, False, "todo", True),
        ("empty", True, False, "empty", None),
        ("empty", False, False, "todo", True),
        ("failed", True, False, "failed", None),
        ("failed", False, False, "todo", True),
        ("failed, transient", True, False, "todo", True),
    ],
)
def test_the_schedule_follows_its_table(tmp_path, state, same, there, place, replacing):
    name = "11/000000000000/2024-12-14/" + ards.CID
    rows = {}
    if state:
        kind, _, transient = state.partition(", ")
        signature = OURS.signature if same else "other"
        rows[name] = Record(name, kind, signature, file="f.tif", bytes=3, transient=bool(transient))
    if there:
        (tmp_path / "f.tif").write_bytes(b"abc")
    manifest = Manifest(tmp_path, rows, {})
    schedule = make_schedule(
        Plan((TILE,)), {TILE.sensor: OURS}, manifest, threads_per_job=ALONE, follow_links=True
    )
    found = {
        "todo": len(schedule.todo),
        "there": schedule.there,
        "empty": schedule.empty,
        "failed": len(schedule.failed),
    }
    assert {kind for kind, count in found.items() if count} == {place}
    if place == "todo":
        assert schedule.todo[0].overwrite is replacing and schedule.todo[0].follow_links
    again = make_schedule(
        Plan((TILE,)), {TILE.sensor: OURS}, manifest, threads_per_job=ALONE, retry_failed=True
    )
    assert bool(again.todo) == (place in ("todo", "failed"))


def test_every_job_gets_the_threads_that_the_executor_says(tmp_path):
    tiles = tuple(dataclasses.replace(TILE, quadkey=f"{n:012d}") for n in range(4))
    schedule = make_schedule(
        Plan(tiles), {TILE.sensor: OURS}, Manifest(tmp_path, {}, {}), threads_per_job=lambda jobs: 10 * jobs
    )
    assert {job.settings.threads for job in (*schedule.jobs, *schedule.todo)} == {40}
