import os
import socket
import sys

import pytest

import labours
from ards import contents, write_ard
from potato import fuse_ard
from potato.cids import rate_cids
from potato.chips.real import make_chips
from potato.cluster import LOCAL, MEMORY, open_cluster
from potato.delivery.manifest import read_manifest
from potato.errors import ClusterError
from potato.jobs import Lost, run_jobs

distributed = pytest.importorskip("distributed")

SMALL = {"size": 32, "count": 6}


@pytest.fixture(scope="module")
def address():
    """The scheduler of two workers, as if it were elsewhere."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def two(address):
    with open_cluster(address) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ard(tmp_path_factory):
    return write_ard(tmp_path_factory.mktemp("source") / "event" / "ard")


@pytest.fixture(scope="module")
def alone(ard, tmp_path_factory):
    """What this process makes."""
    output = tmp_path_factory.mktemp("alone") / "out"
    fuse_ard(ard, output, workers=0, mosaic="cog")
    return pictures(output)


def pictures(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.tif"))}


def test_the_cluster_keeps_the_promises_of_processes(two):
    assert sorted(run_jobs(range(10), labours.double, 0, two)) == [(n, 2 * n) for n in range(10)]
    assert list(run_jobs([], labours.double, 0, two)) == []
    found = dict(run_jobs([1, -1, 2], labours.double, 0, two))
    assert found == {1: 2, 2: 4, -1: Lost("ValueError: a number that can't be doubled")}
