import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

import families
import worker_jobs
from potato.engine.processes import Processes


def test_a_dead_worker_fails_one_job_and_the_failure_says_how_it_died():
    found = dict(Processes(2).run([1, -2, 2, -3, 3, 4, -2, 5], worker_jobs.double))
    assert {n: found[n] for n in (1, 2, 3, 4, 5)} == {n: 2 * n for n in (1, 2, 3, 4, 5)}
    assert found[-2].reason == (
        "its worker was killed (SIGKILL), also when it worked alone; is there too little memory?"
    )
    assert found[-3].reason == "its worker ended with exit code 7, also when it worked alone"
    assert found[-2].died and found[-3].died


def test_a_job_whose_worker_dies_once_is_done_again_alone(tmp_path):
    jobs = [(str(tmp_path), number) for number in range(6)]
    found = dict(Processes(2).run(jobs, worker_jobs.die_first_of_crowding))
    assert found.keys() == set(jobs) and found[jobs[0]] == ["job 0"]
    # The results of `map` come in the order of the jobs all the same.
    (tmp_path / "died").unlink()
    assert [job for job, _ in Processes(2).map(jobs, worker_jobs.die_first_of_crowding)] == jobs


CROWD = """
import sys, worker_jobs
from potato.engine.processes import Processes
if __name__ == "__main__":
    print("begun", flush=True)
    list(Processes(2).run([sys.argv[1]] * 2, worker_jobs.announce_and_wait))
"""


@families.linux
@pytest.mark.parametrize("when", ["starting", "working"])
def test_workers_end_with_a_killed_parent(tmp_path, when):
    script = tmp_path / "crowd.py"
    script.write_text(CROWD)
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    head = families.start(sys.executable, script, tmp_path, env={**os.environ, "PYTHONPATH": path})
    assert head.stdout.readline() == "begun\n"
    if when == "starting":
        families.wait_for(lambda: any(map(families.is_worker, families.family(head))), head)
    else:
        families.wait_for(lambda: len(list(tmp_path.glob("[0-9]*"))) == 2, head)
    families.kill_head(head)


SLOW = """
import os, signal, time
from potato.engine.children import Child

class Loads:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call

signal.signal(signal.SIGINT, lambda *_: None)
child = Child(target=print, args=[Loads(os.write, (1, b"loads\\n")), Loads(time.sleep, (600,))])
child.start()
child.join()
"""


@families.linux
def test_a_child_that_loads_leaves_ctrl_c_to_its_parent_and_ends_with_it(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    head = families.start(sys.executable, script)
    families.wait_for(lambda: any(map(families.is_worker, families.family(head))), head)
    os.killpg(head.pid, signal.SIGINT)  # while it starts
    assert head.stdout.readline() == "loads\n"
    os.killpg(head.pid, signal.SIGINT)
    assert any(map(families.is_worker, families.family(head)))
    families.kill_head(head)


def test_jobs_are_pulled_only_when_a_worker_is_free():
    pulled = []

    def jobs():
        for number in range(20):
            pulled.append(number)
            yield number

    with contextlib.closing(Processes(2).run(jobs(), worker_jobs.double)) as results:
        next(results)
        assert len(pulled) <= 3


UNGUARDED = """
import sys, worker_jobs
from potato.engine.processes import Processes
print("once")
print(sorted(Processes(2).run([1, 2, 3], worker_jobs.double)))
"""


def test_workers_do_not_run_the_script_of_their_parent(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED)
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = families.start(sys.executable, script, env={**os.environ, "PYTHONPATH": path})
    printed, complaints = done.communicate(timeout=families.PATIENCE)
    assert (done.returncode, complaints) == (0, "")
    assert printed.splitlines() == ["once", "[(1, 2), (2, 4), (3, 6)]"]


def test_workers_are_other_processes_and_end_with_the_run():
    pids = {pid for _, pid in Processes(2).run(range(6), worker_jobs.whoami)}
    assert os.getpid() not in pids and len(pids) <= 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
