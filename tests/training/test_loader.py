"""Batches of steps, and the processes that make them."""

import os
import signal
from pathlib import Path

import pytest

from potato.errors import SessionError
from potato.training.distributed import ALONE, Ranks
from potato.training.loader import Places, collate, open_batches
from training_runs import same, samples


def test_batches_are_independent_of_workers_ranks_and_first_step(pool):
    def batches(first=0, workers=0, ranks=ALONE, micro=2):
        places = Places(first, 4, 4, micro, ranks)
        return list(open_batches(samples(pool, scene_share=0.2), places, workers))

    whole = batches()
    assert len(whole) == 4 and [len(step) for step in whole] == [2] * 4
    assert same(batches(first=2), whole[2:])
    assert same(batches(workers=2), whole)
    halves = [batches(ranks=Ranks(rank, 2)) for rank in (0, 1)]
    for step, first, second in zip(whole, *halves, strict=True):
        assert same(collate(step), collate([*first, *second]))
    assert same([collate(step) for step in batches(micro=3)], [collate(step) for step in whole])


def test_batch_size_that_ranks_do_not_divide_is_refused():
    with pytest.raises(SessionError, match="3 processes"):
        Places(0, 1, 4, 4, Ranks(0, 3))


def test_killed_loader_process_ends_the_run_with_an_explanation(pool):
    batches = open_batches(samples(pool), Places(0, 1000, 4, 4), workers=1)
    next(batches)
    workers = [int(pid) for pid in _descendants(os.getpid()) if _is_worker(pid)]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(SessionError, match="loader process died"):
        for _ in range(1000):
            next(batches)


def _descendants(pid: int) -> list[int]:
    children = [
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdigit() and f"PPid:\t{pid}\n" in _read(path / "status")
    ]
    return children + [grandchild for child in children for grandchild in _descendants(child)]


def _is_worker(pid: int) -> bool:
    """A process that the fork server forked: its parent runs the server."""
    parent = next(line for line in _read(Path(f"/proc/{pid}/status")).splitlines() if "PPid" in line).split()[
        1
    ]
    return "forkserver" in _read(Path(f"/proc/{parent}/cmdline"))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
