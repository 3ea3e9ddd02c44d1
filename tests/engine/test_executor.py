import contextlib
import functools
import os
import threading

import pytest

import worker_jobs
from potato.engine.executor import open_executor
from potato.engine.jobs import Lost
from potato.engine.processes import Processes
from potato.engine.threads import Serial, Threads
from potato.errors import BlockError, ChipError

KINDS = ("serial", "threads", "processes")


@contextlib.contextmanager
def folder_reader(folder, opened=None):
    """Yields a function that reads the number in a file of a folder."""
    if opened is not None:
        opened.append(threading.get_ident())
    yield lambda name: int((folder / name).read_text())


@pytest.fixture
def numbers(tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(str(number))
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_run_gives_every_job_its_result_or_its_failure(kind):
    with open_executor(2, kind=kind) as executor:
        assert sorted(executor.run(range(10), worker_jobs.double)) == [(n, 2 * n) for n in range(10)]
        assert list(executor.run([], worker_jobs.double)) == []
        found = dict(executor.run([1, -1, 2], worker_jobs.double))
    assert found == {1: 2, 2: 4, -1: Lost("ValueError: a number that can't be doubled")}


@pytest.mark.parametrize("kind", KINDS)
def test_map_gives_results_in_the_order_of_the_jobs(kind):
    pauses = [0.3, 0.0, 0.2, 0.1, 0.0]
    with open_executor(3, kind=kind) as executor:
        assert list(executor.map(pauses, worker_jobs.wait)) == [(pause, pause) for pause in pauses]


@pytest.mark.parametrize("kind", KINDS)
def test_map_raises_the_first_failure_and_leaves_potatos_errors_unchanged(kind):
    with open_executor(2, kind=kind) as executor:
        with pytest.raises(BlockError, match=r"the block at -1 failed: .*a number that can't be doubled"):
            list(executor.map([1, -1], worker_jobs.double))
        with pytest.raises(ChipError, match=r"^none\.pt: nothing there$"):
            list(executor.map(["none.pt"], worker_jobs.miss))
        ((_, lost),) = executor.run(["none.pt"], worker_jobs.miss)
    assert lost.reason == "ChipError: none.pt: nothing there" and isinstance(lost.error, ChipError)


@pytest.mark.parametrize("kind", KINDS)
def test_items_are_read_by_the_worker_that_needs_them(numbers, kind):
    names = [f"{number}.txt" for number in range(5)]
    with open_executor(2, kind=kind) as executor:
        found = executor.map(names, worker_jobs.double, functools.partial(folder_reader, numbers))
        assert list(found) == [(name, 2 * number) for number, name in enumerate(names)]


@pytest.mark.parametrize(("workers", "most"), [(2, 1), (8, 3)])
def test_each_reading_thread_opens_the_files_once(numbers, workers, most):
    opened = []
    with open_executor(workers) as executor:
        names = [f"{number % 5}.txt" for number in range(50)]
        list(executor.map(names, worker_jobs.double, functools.partial(folder_reader, numbers, opened)))
    assert len(set(opened)) == len(opened) == most
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("potato")]


def test_closing_the_executor_stops_unfinished_runs():
    pulled = []

    def jobs():
        for number in range(100):
            pulled.append(number)
            yield number

    with open_executor(2) as executor:
        results = executor.map(jobs(), worker_jobs.double)
        next(results)
    assert list(results) == [] and len(pulled) < 10


def test_threads_pull_few_jobs_ahead():
    pulled = []

    def jobs():
        for number in range(100):
            pulled.append(number)
            yield number

    for method, most in (("run", 4), ("map", 4)):
        pulled.clear()
        with open_executor(2) as executor:
            next(getattr(executor, method)(jobs(), worker_jobs.double))
            assert len(pulled) <= most


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"workers": 3}, Threads),
        ({"kind": "threads"}, Threads),
        ({"workers": 3, "kind": "processes"}, Processes),
        ({"workers": 0, "kind": "processes"}, Serial),
        ({"kind": "serial"}, Serial),
    ],
)
def test_the_options_determine_the_kind_of_executor(options, expected):
    with open_executor(**options) as executor:
        assert type(executor) is expected
        assert executor.workers == (options.get("workers") or executor.workers)


def test_cores_are_divided_among_jobs(monkeypatch):
    """More workers than jobs leave more threads for each."""
    for module in ("processes", "threads"):
        monkeypatch.setattr(f"potato.engine.{module}.available_cores", lambda: 8)
    assert [Processes(n).threads_per_job(4) for n in (1, 2, 4, 16, 100)] == [8, 4, 2, 2, 2]
    assert Processes(4).threads_per_job(1) == Serial().threads_per_job(4) == 8
    assert Processes(16).threads_per_job(100) == Threads(4).threads_per_job(4) == 1


def test_serial_jobs_run_in_this_process():
    with open_executor(kind="serial") as executor:
        assert {pid for _, pid in executor.run(range(3), worker_jobs.whoami)} == {os.getpid()}
