import contextlib
import functools
import resource
import shutil
import socket
import sys
import threading
import types
import urllib.error
import urllib.request

import numpy as np
import pytest
import torch
from affine import Affine

import pairs
import worker_jobs
from ards import contents, write_ard
from potato import fuse_ard
from potato.ard.rating.rate_ard import rate_cids
from potato.chips.fake import fake_chips
from potato.chips.make import make_chips
from potato.engine.dask import LOCAL, MEMORY_BYTES, Cluster, Waits, _versions, open_cluster
from potato.engine.jobs import Lost
from potato.engine.threads import available_cores
from potato.errors import ArdError, BlockError, ChipError, ClusterError, WeightsError
from potato.evaluation.methods import MethodSpec
from potato.evaluation.protocols import Protocols
from potato.evaluation.runner import evaluate
from potato.fusion.ard.manifest import read_manifest
from potato.model.weights import save_model

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

SMALL = {"size": 32, "count": 6}


@pytest.fixture(scope="module")
def address():
    """Address of a scheduler of two workers."""
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
    )
    yield cluster.scheduler_address
    with contextlib.suppress(TimeoutError):  # of workers that take long to end on a busy machine
        cluster.close()


@pytest.fixture
def two(address):
    with open_cluster(address) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ard(tmp_path_factory):
    return write_ard(tmp_path_factory.mktemp("source") / "event" / "ard")


@pytest.fixture(scope="module")
def alone(ard, tmp_path_factory):
    """Pictures made in this process."""
    output = tmp_path_factory.mktemp("alone") / "out"
    fuse_ard(ard, output, workers=0, mosaic="cog")
    return pictures(output)


def pictures(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.tif"))}


def test_a_cluster_gives_every_job_its_result_or_its_failure(two):
    assert sorted(two.run(range(10), worker_jobs.double)) == [(n, 2 * n) for n in range(10)]
    assert list(two.run([], worker_jobs.double)) == []
    found = dict(two.run([1, -1, 2], worker_jobs.double))
    assert found == {1: 2, 2: 4, -1: Lost("ValueError: a number that can't be doubled")}


@pytest.mark.skipif(sys.platform != "linux", reason="its C library is told to keep freed memory")
def test_workers_reuse_freed_memory(two):
    rounds, pages = 50, 2 * (8 << 20) // resource.getpagesize()
    for _, faults in two.run([rounds] * 4, worker_jobs.fault):
        assert faults < 0.2 * rounds * pages


def test_a_killed_worker_is_replaced_and_its_job_repeated(two, tmp_path):
    names = [str(tmp_path / name) for name in "abc"]
    assert sorted(two.run(names, worker_jobs.die_once)) == [(name, name) for name in names]
    assert two.workers >= 1


def test_jobs_are_pulled_only_when_a_worker_is_free(address):
    pulled = []

    def jobs():
        for number in range(20):
            pulled.append(number)
            yield number

    for least, most in ((None, 3), (5, 6)):
        pulled.clear()
        with open_cluster(address, least) as cluster:
            results = cluster.run(jobs(), worker_jobs.double)
            next(results)
            assert len(pulled) <= most
            results.close()


def test_an_ard_has_identical_bytes_after_a_worker_dies(ard, alone, address, tmp_path, monkeypatch):
    monkeypatch.setattr("potato.fusion.ard.ard_run.fuse_tile", worker_jobs.fuse_and_die)
    fused = fuse_ard(ard, tmp_path / "out", cluster=address, mosaic="cog")
    assert (tmp_path / "out" / "died").exists()
    assert (fused.done, fused.mosaics, fused.failed) == (4, 1, ())
    assert pictures(tmp_path / "out") == alone
    assert {row.state for row in read_manifest(tmp_path / "out").rows.values()} == {"done"}
    assert not list((tmp_path / "out").rglob("*.partial"))
    again = fuse_ard(ard, tmp_path / "out", cluster=address, mosaic="cog")
    assert (again.done, again.there) == (0, 4)


def test_a_picture_that_no_run_made_is_not_replaced(ard, alone, address, tmp_path, run):
    mine = tmp_path / next(iter(alone))
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    result = run("fuse-ard", ard, tmp_path, "--cluster", address)
    assert result.exit_code == 3 and "3 tiles fused" in result.stdout, result.output
    assert mine.read_bytes() == b"mine"


def test_the_local_cluster_limits_memory_and_makes_the_same_bytes(ard, alone, tmp_path, monkeypatch):
    # As if called by a script without `if __name__ == "__main__":`, which no worker must run again.
    script = types.ModuleType("__main__")
    script.__file__ = str(tmp_path / "unguarded.py")
    (tmp_path / "unguarded.py").write_text("raise SystemExit(1)")
    monkeypatch.setitem(sys.modules, "__main__", script)
    with open_cluster(LOCAL, 1) as cluster:
        assert cluster.workers == 1 and cluster.threads_per_job(1) == available_cores()
        scheduler = cluster._client.scheduler_info()
        assert {worker["memory_limit"] for worker in scheduler["workers"].values()} == {MEMORY_BYTES}
        monkeypatch.setattr(
            "potato.fusion.ard.ard_run.open_executor", lambda *_, **__: contextlib.nullcontext(cluster)
        )
        fuse_ard(ard, tmp_path / "out", mosaic="cog")
    assert pictures(tmp_path / "out") == alone


def test_nobody_else_reaches_the_local_cluster():
    """Whoever reaches a scheduler runs code in it; other users of the machine must not."""
    with open_cluster(LOCAL, 1) as cluster:
        scheduler = cluster._client.cluster.scheduler
        [worker] = cluster._client.scheduler_info()["workers"].values()
        for address in (scheduler.address, worker["nanny"]):
            assert address.startswith("tls://127.0.0.1:")
        stranger = distributed.Security.temporary()
        for security, where in (
            (None, scheduler.address.replace("tls://", "tcp://")),
            (stranger, scheduler.address),
        ):
            with pytest.raises(OSError):
                distributed.Client(where, security=security, timeout=2, set_as_default=False)
        services = [scheduler.http_server.port, worker["services"]["dashboard"]]
        for path in ("", "/status", "/info/main/workers.html", "/json/identity.json", "/health"):
            for port in services:
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5)
    assert dask.config.get("distributed.scheduler.http.routes")


def test_a_cluster_makes_the_chips_and_raises_the_errors_of_threads(ard, address, tmp_path):
    make_chips(ard, tmp_path / "here", **SMALL)
    made = make_chips(ard, tmp_path / "there", cluster=address, **SMALL)
    assert made.made == SMALL["count"]
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert make_chips(ard, tmp_path / "there", cluster=address, **SMALL).made == 0
    shutil.copytree(ard, tmp_path / "bad")
    for path in (tmp_path / "bad").rglob("*.tif"):
        path.write_bytes(b"")
    with pytest.raises(ArdError, match="expected ground to cut it from, found none in all 4 tiles"):
        make_chips(tmp_path / "bad", tmp_path / "none", cluster=address, **SMALL)


def test_a_cluster_rates_alike_in_any_order_of_results(ard, address, tmp_path, monkeypatch):
    run = Cluster.run
    monkeypatch.setattr(Cluster, "run", lambda *given: reversed(list(run(*given))))
    rate_cids(str(ard), tmp_path / "here.csv", sheet=tmp_path / "here.html")
    rate_cids(str(ard), tmp_path / "there.csv", sheet=tmp_path / "there.html", cluster=address)
    for kind in ("csv", "html"):
        assert (tmp_path / f"there.{kind}").read_bytes() == (tmp_path / f"here.{kind}").read_bytes()


def test_map_gives_results_in_order_and_raises_the_first_failure(two, tmp_path):
    pauses = [0.3, 0.0, 0.2, 0.1, 0.0]
    assert list(two.map(pauses, worker_jobs.wait)) == [(pause, pause) for pause in pauses]
    with pytest.raises(BlockError, match="the block at -1 failed: ValueError: a number that can't be"):
        list(two.map([1, -1], worker_jobs.double))
    with pytest.raises(ChipError, match="nothing there"):
        list(two.map([str(tmp_path / "none.pt")], worker_jobs.miss))


@pytest.fixture(scope="module")
def inputs_to_evaluate(tmp_path_factory):
    """A pair of two windows, with a hole; a pool of chips."""
    folder = tmp_path_factory.mktemp("evaluated")
    valid = np.ones((4 * 344, 4 * 60), bool)
    valid[300:340, 100:150] = False
    pan, mul = pairs.ground(344, 60)
    files = (
        pairs.write(folder / "pan.tif", pan[None], names=("BAND_P",), mask=valid),
        pairs.write(folder / "mul.tif", mul, pairs.CORNER @ Affine.scale(4), names=pairs.BAND_NAMES),
    )
    fake_chips(folder / "chips", count=1, size=64)
    return files, folder / "chips"


@pytest.mark.parametrize("mode", ["pair", "chips", "registration"])
def test_a_cluster_evaluates_as_threads_do(inputs_to_evaluate, address, network, tmp_path, monkeypatch, mode):
    """Also with weights of a relative name, though workers are in another folder."""
    (pan, mul), pool = inputs_to_evaluate
    monkeypatch.chdir(tmp_path)
    save_model(network, "mine.safetensors")
    inputs = {
        "pair": {"pan": pan, "mul": mul, "weights": "mine.safetensors", "baselines": ("gsa", "predictor")},
        "chips": {"chips": pool, "weights": "mine.safetensors"},
        "registration": {"registration": (pan, mul)},
    }[mode]
    here, there = (evaluate(**inputs, cluster=cluster) for cluster in (None, address))
    assert there.as_json() == here.as_json() and str(there) == str(here)
    if mode == "pair":
        assert here.details["windows"]["judged"] == 2
        assert torch.equal(here.charts.map.nan_to_num(-1), there.charts.map.nan_to_num(-1))


def test_an_evaluation_raises_the_error_of_a_worker(
    inputs_to_evaluate, address, network, tmp_path, monkeypatch
):
    (pan, mul), pool = inputs_to_evaluate
    shutil.copytree(pool, tmp_path / "bad")
    next((tmp_path / "bad").glob("*.pt")).write_bytes(b"none")
    with pytest.raises(ChipError, match="expected a chip"):
        evaluate(chips=tmp_path / "bad", baselines=(), cluster=address)
    save_model(network, tmp_path / "mine.safetensors")
    monkeypatch.setattr(MethodSpec, "for_workers", lambda *_: MethodSpec("predictor", (), "cpu", "0" * 16))
    with pytest.raises(WeightsError, match="expected the weights that the run began with"):
        evaluate(pan, mul, protocols=Protocols((0,), (), False, mtf=False), baselines=(), cluster=address)


def test_the_evaluate_command_prints_on_a_cluster_what_it_prints_in_threads(inputs_to_evaluate, address, run):
    (pan, mul), _ = inputs_to_evaluate
    options = [
        "--protocol",
        "plain",
        "--halvings",
        "0",
        "--baselines",
        "none",
        "--no-literature",
        "--json",
    ]
    here, there = (run("evaluate", pan, mul, *options, *more) for more in ((), ("--cluster", address)))
    assert here.exit_code == there.exit_code == 0 and here.stdout == there.stdout


def test_evaluate_refuses_a_cluster_where_it_has_no_meaning(run):
    idle = run("evaluate", "--reflectances", "packaged", "--cluster", "local")
    assert idle.exit_code == 2 and "--cluster means nothing with --reflectances" in idle.stderr


def test_a_worker_with_other_software_ends_the_run(two, monkeypatch):
    there = {"potato": "0.0.1", "torch": "2.0.0", "rasterio": "1.0.0"}
    monkeypatch.setattr("potato.engine.dask._versions", lambda: there)
    with pytest.raises(ClusterError, match=r"expected workers with potato 0\.0\.1, .*found one with potato"):
        list(two.run([1], worker_jobs.double))


def test_a_worker_may_lack_a_package_or_have_one_more(two, monkeypatch):
    """The base has no torch, and sharpens to equal bytes."""
    here = {name: version for name, version in _versions().items() if name != "torch"}
    monkeypatch.setattr("potato.engine.dask._versions", lambda: here)
    assert [result for _, result in two.run([1], worker_jobs.double)] == [2]


def test_a_scheduler_that_does_not_answer_is_an_error_of_one_line(ard, tmp_path, run, monkeypatch):
    impatient = functools.partial(open_cluster, waits=Waits(connect=0.5))
    monkeypatch.setattr("potato.engine.executor.open_cluster", impatient)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and doesn't listen
        where = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        result = run("fuse-ard", ard, tmp_path / "out", "--cluster", where)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"potato: {where}: expected a Dask scheduler there")
    assert len(result.stderr.splitlines()) == 1 and not (tmp_path / "out").exists()


def test_a_job_that_kills_every_worker_is_given_up():
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as elsewhere,
        open_cluster(elsewhere.scheduler_address) as cluster,
    ):
        found = dict(cluster.run([-2, 1], worker_jobs.double))
    assert found == {1: 2, -2: Lost("its worker died, 1 times; is there too little memory?")}


def test_a_lost_scheduler_ends_the_run():
    elsewhere = distributed.LocalCluster(
        n_workers=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0", silence_logs=50
    )
    with elsewhere, open_cluster(elsewhere.scheduler_address, 3, Waits(connect=2.0)) as cluster:
        results = cluster.run(range(10), worker_jobs.double)
        next(results)
        elsewhere.close()
        with pytest.raises(ClusterError, match="expected the cluster to stay, found its scheduler gone"):
            list(results)


def test_a_run_without_workers_ends_unless_workers_may_join():
    waits = Waits(check=0.2, restart=0.5)
    with open_cluster(LOCAL, 1, waits) as cluster:
        cluster._client.retire_workers()
        with pytest.raises(ClusterError, match="expected workers, found none"):
            list(cluster.run([1], worker_jobs.double))
        results = Cluster(cluster._client, 1, grows=True, waits=waits).run([1], worker_jobs.double)
        threading.Timer(1.0, cluster._client.cluster.scale, (2,)).start()
        assert list(results) == [(1, 2)]


@pytest.mark.parametrize("where", ["slurm", "127.0.0.1:8786", "http://127.0.0.1:8786", ""])
def test_a_malformed_address_is_refused(where):
    with (
        pytest.raises(ClusterError, match=r"expected local or the address of a scheduler"),
        open_cluster(where),
    ):
        pass


def test_the_error_without_cryptography_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with (
        pytest.raises(ClusterError, match=r"found it missing; pip install 'potato-pansharp\[dask\]'"),
        open_cluster(LOCAL),
    ):
        pass


def test_the_error_without_dask_names_the_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'potato-pansharp\[dask\]'"), open_cluster(LOCAL):
        pass
