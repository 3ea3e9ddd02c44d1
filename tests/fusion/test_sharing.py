"""Jobs share the cores: processes × threads never exceed them, and a GPU has one process."""

import contextlib
import dataclasses
import sys

import pytest

import worker_jobs
from fused_ards import OURS, TILE, fuse_inline
from potato.engine.executor import open_executor
from potato.engine.threads import Serial, available_cores
from potato.errors import InputError
from potato.fusion.ard import ard_run, tile
from potato.fusion.ard.choice import Choice
from potato.fusion.ard.manifest import Manifest
from potato.fusion.ard.plan import PictureSettings, Plan, TileJob, make_plan
from potato.fusion.ard.schedule import make_schedule
from potato.model.weights import load_model


def scheduled(count: int, executor, folder) -> PictureSettings:
    """The settings that jobs get of a run with so many tiles."""
    plan = Plan(tuple(dataclasses.replace(TILE, quadkey=f"{n:012d}") for n in range(count)))
    schedule = make_schedule(
        plan, {TILE.sensor: OURS}, Manifest(folder, {}, {}), threads_per_job=executor.threads_per_job
    )
    return schedule.todo[0].settings


@pytest.mark.parametrize("workers", [0, 1, 2, 3, 5, 16, None])
@pytest.mark.parametrize("tiles", [1, 2, 7, 100])
def test_processes_times_threads_never_exceed_the_cores(monkeypatch, tmp_path, workers, tiles):
    for module in ("executor", "processes", "threads"):
        monkeypatch.setattr(f"potato.engine.{module}.available_cores", lambda: 16)
    with open_executor(workers, kind="processes") as executor:
        settings = scheduled(tiles, executor, tmp_path)
        at_once = min(executor.workers, tiles)
        assert 16 - at_once < at_once * settings.threads <= 16


def test_more_processes_than_cores_have_one_thread_each(monkeypatch, tmp_path):
    monkeypatch.setattr("potato.engine.processes.available_cores", lambda: 2)
    with open_executor(8, kind="processes") as executor:
        assert scheduled(100, executor, tmp_path).threads == 1


def test_workers_of_a_local_cluster_share_the_cores(tmp_path):
    pytest.importorskip("distributed", reason="needs potato-pansharp[dask]")
    with open_executor(2, "local") as executor:
        threads = scheduled(100, executor, tmp_path).threads
        assert executor.workers == 2 and 2 * threads <= max(2, available_cores())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("profile", ["cog", "tiled"])
def test_a_tile_with_one_thread_makes_no_pool_of_threads(ard, tmp_path, profile):
    """GDAL keeps its pools, one for ALL_CPUS and one for each other number of threads."""
    first = make_plan(str(ard), Choice()).tiles[0]
    digest = load_model("predictor").digest
    settings = dataclasses.replace(OURS, weights="predictor", weights_digest=digest, profile=profile)
    job = TileJob(first, str(tmp_path), dataclasses.replace(settings, device="cpu"))
    with open_executor(1, kind="processes") as executor:
        ((_, (record, more)),) = executor.map([job], worker_jobs.fuse_and_count_threads)
    assert record.state == "done", record.reason
    assert more < 2


def test_mosaics_share_the_cores_anew(ard, tmp_path, monkeypatch):
    """Each of four tiles has a quarter of the cores, and the one mosaic has them all."""
    given = []

    class Shared(Serial):
        def threads_per_job(self, jobs):
            return 8 // max(1, jobs)

    def noted(function):
        def note(job):
            given.append(job.settings.threads)
            return function(job)

        return note

    for name in ("fuse_tile", "make_mosaic"):
        monkeypatch.setattr(ard_run, name, noted(getattr(ard_run, name)))
    monkeypatch.setattr(ard_run, "open_executor", lambda *_, **__: contextlib.nullcontext(Shared()))
    made = fuse_inline(ard, tmp_path / "out", weights="predictor", mosaic="vrt")
    assert (made.done, made.mosaics) == (4, 1) and given == [2, 2, 2, 2, 8]


def test_a_worker_reads_the_weights_once(ard, tmp_path, monkeypatch):
    read = []

    def load_and_note(*wanted):
        read.append(wanted)
        return load_model(*wanted)

    monkeypatch.setattr(tile, "load_model", load_and_note)
    tile._model.cache_clear()
    assert fuse_inline(ard, tmp_path / "out").done == 4 and len(read) == 1


@pytest.fixture
def gpu(monkeypatch):
    """A machine on which `auto` finds a GPU."""
    monkeypatch.setattr("potato.engine.devices.find_gpus", lambda: {"cuda:0": "a GPU"})


@pytest.mark.parametrize(("wanted", "given"), [(16, 1), (None, 1), (0, 0)])
def test_a_gpu_has_one_process(gpu, wanted, given):
    assert ard_run._workers_for("auto", wanted) == given
    assert ard_run._workers_for("cpu", wanted) == wanted


def test_tiles_use_the_gpu_that_their_run_was_planned_for(gpu, ard, tmp_path, monkeypatch):
    """Each tile alone is too small to be worth a GPU's start, but the GPU starts once."""
    used = []

    def note_device(pair, output, model, settings, part):
        used.append(settings.device)
        raise InputError("there is no such GPU")

    monkeypatch.setattr(tile, "fuse_pair", note_device)
    assert len(fuse_inline(ard, tmp_path / "out").failed) == 4 and used == ["cuda:0"] * 4


def test_a_device_that_is_not_there_ends_the_run_before_it_begins(ard, tmp_path):
    with pytest.raises(InputError, match="expected a device such as auto"):
        fuse_inline(ard, tmp_path / "out", device="quantum")
    assert not (tmp_path / "out").exists()
