import contextlib
import os

import pytest

from potato.engine.processes import Lost, run_jobs

import worker_jobs


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_every_job_comes_back_once(workers):
    assert sorted(run_jobs(range(10), worker_jobs.double, workers)) == [(n, 2 * n) for n in range(10)]
    assert list(run_jobs([], worker_jobs.double, workers)) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_a_job_that_fails_ends_no_other(workers):
    found = dict(run_jobs([1, -1, 2], worker_jobs.double, workers))
    assert found == {1: 2, 2: 4, -1: Lost("ValueError: a number that can't be doubled")}


def test_a_worker_that_dies_takes_one_job_with_it_and_says_how():
    found = dict(run_jobs([1, -2, 2, -3, 3, 4, -2, 5], worker_jobs.double, 2))
    assert {n: found[n] for n in (1, 2, 3, 4, 5)} == {n: 2 * n for n in (1, 2, 3, 4, 5)}
    assert "killed (SIGKILL); is there too little memory?" in found[-2].reason
    assert found[-3].reason == "its worker ended with exit code 7"


def test_jobs_are_pulled_only_when_a_worker_is_free():
    pulled = []

    def jobs():
        for number in range(20):
            pulled.append(number)
            yield number

    with contextlib.closing(run_jobs(jobs(), worker_jobs.double, 2)) as results:
        next(results)
        assert len(pulled) <= 3


def test_workers_are_other_processes_and_end_with_the_run():
    pids = {pid for _, pid in run_jobs(range(6), worker_jobs.whoami, 2)}
    assert os.getpid() not in pids and len(pids) <= 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert {pid for _, pid in run_jobs(range(3), worker_jobs.whoami, 0)} == {os.getpid()}
