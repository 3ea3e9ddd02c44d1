import contextlib
import os

import pytest

import worker_jobs
from potato.engine.processes import Processes


def test_a_dead_worker_fails_one_job_and_the_failure_says_how_it_died():
    found = dict(Processes(2).run([1, -2, 2, -3, 3, 4, -2, 5], worker_jobs.double))
    assert {n: found[n] for n in (1, 2, 3, 4, 5)} == {n: 2 * n for n in (1, 2, 3, 4, 5)}
    assert "killed (SIGKILL); is there too little memory?" in found[-2].reason
    assert found[-3].reason == "its worker ended with exit code 7"


def test_jobs_are_pulled_only_when_a_worker_is_free():
    pulled = []

    def jobs():
        for number in range(20):
            pulled.append(number)
            yield number

    with contextlib.closing(Processes(2).run(jobs(), worker_jobs.double)) as results:
        next(results)
        assert len(pulled) <= 3


def test_workers_are_other_processes_and_end_with_the_run():
    pids = {pid for _, pid in Processes(2).run(range(6), worker_jobs.whoami)}
    assert os.getpid() not in pids and len(pids) <= 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
