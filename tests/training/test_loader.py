"""Batches of steps, and the processes that make them."""

import sys
from pathlib import Path

import pytest

import families
from potato.errors import SessionError
from potato.training.distributed import ALONE, Ranks
from potato.training.loader import Places, collate, open_batches
from training_runs import LONG, ROOT, same, samples


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
    workers = [pid for pid in _children() if families.is_worker(pid)]
    assert workers
    for pid in workers:
        families.kill(pid)
    with pytest.raises(SessionError, match="loader process died"):
        for _ in range(1000):
            next(batches)


def _children() -> list[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return [int(pid) for path in tasks for pid in path.read_text().split()]


@families.linux
def test_loader_processes_end_with_a_killed_run(pool, tmp_path):
    options = ("--session", "s", "--chips", pool, *LONG, "-j", 1)
    head = families.start(sys.executable, ROOT / "train.py", *options, cwd=tmp_path)
    families.wait_for(lambda: any(map(families.is_worker, families.family(head))), head)
    families.wait_for(lambda: log_lines(tmp_path / "sessions" / "s"), head)
    families.kill_head(head)


def log_lines(session: Path) -> bytes:
    path = session / "log.jsonl"
    return path.read_bytes() if path.exists() else b""
