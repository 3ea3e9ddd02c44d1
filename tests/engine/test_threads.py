import contextlib
import threading
import time

import pytest

from potato.engine.threads import Readers, map_blocks
from potato.errors import BlockError, InputError


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order(workers):
    def slow_first(x: int) -> int:
        time.sleep(0.01 if x % 3 == 0 else 0)
        return x * x

    items = [(str(x), x) for x in range(20)]
    assert list(map_blocks(items, slow_first, workers, 6)) == [(str(x), x * x) for x in range(20)]


def test_the_first_failure_names_its_block_and_cancels_the_rest():
    done = []

    def fail_at_three(x: int) -> int:
        if x == 3:
            raise RuntimeError("out of luck")
        time.sleep(0.001)
        done.append(x)
        return x

    with pytest.raises(BlockError, match="the block at number 3 failed: out of luck"):
        list(map_blocks(((f"number {x}", x) for x in range(1000)), fail_at_three, 1, 200))
    assert len(done) < 100


def test_no_more_items_are_pulled_than_allowed():
    pulled, gate = [], threading.Event()

    def items():
        for x in range(50):
            pulled.append(x)
            yield str(x), x

    results = map_blocks(items(), lambda x: gate.wait(5) and x, 2, 5)
    gate.set()
    for taken, _ in enumerate(results, 1):
        assert len(pulled) - taken <= 5


def test_a_failure_of_the_source_ends_the_workers():
    def items():
        yield "0", 0
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        list(map_blocks(items(), lambda x: x, 2, 4))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("potato")]


def still_running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("potato")]


def test_each_reader_opens_reads_and_closes_in_a_thread_of_its_own():
    opened, read, closed = [], [], []
    everyone = threading.Barrier(3)

    @contextlib.contextmanager
    def reader():
        opened.append(threading.get_ident())

        def wait_and_double(x: int) -> int:
            everyone.wait(10)
            read.append(threading.get_ident())
            return 2 * x

        yield wait_and_double
        closed.append(threading.get_ident())

    with Readers(reader, 3) as readers:
        futures = [readers.submit(x) for x in range(6)]
        assert [future.result(10) for future in futures] == [0, 2, 4, 6, 8, 10]
    assert sorted(opened) == sorted(closed) == sorted(set(read)) and len(opened) == 3
    assert threading.get_ident() not in opened and not still_running()


def test_a_failure_to_read_or_to_open_is_that_of_the_job():
    @contextlib.contextmanager
    def picky():
        yield {1: "one"}.__getitem__

    @contextlib.contextmanager
    def missing():
        raise InputError("no file")
        yield

    with Readers(picky, 1) as readers:
        bad, good = readers.submit(2), readers.submit(1)
        assert isinstance(bad.exception(10), KeyError) and good.result(10) == "one"
    with Readers(missing, 2) as readers:
        assert all(str(readers.submit(x).exception(10)) == "no file" for x in range(5))


@pytest.mark.parametrize("ending", ["failure", "interruption"])
def test_a_run_that_ends_early_reads_no_more(ending):
    read, gate = [], threading.Event()

    @contextlib.contextmanager
    def reader():
        def slowly(x: int) -> int:
            read.append(x)
            assert x == 0 or gate.wait(10)
            return x

        yield slowly

    def work(future) -> int:
        if ending == "failure":
            raise InputError("out of luck")
        return future.result()

    with Readers(reader, 1) as readers:

        def cancel() -> None:
            readers.cancel()
            gate.set()

        items = ((x, readers.submit(x)) for x in range(100))
        results = map_blocks(items, work, 2, 20, cancel)
        if ending == "failure":
            with pytest.raises(InputError, match=r"^out of luck$"):
                next(results)
        else:
            assert next(results) == (0, 0)
            with pytest.raises(KeyboardInterrupt):
                results.throw(KeyboardInterrupt)
    assert len(read) <= 2 and not still_running()


def test_an_interruption_while_a_reader_starts_leaves_no_thread(monkeypatch):
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), Readers(lambda: contextlib.nullcontext(str), 1) as readers:
        readers.submit(1)
    assert not still_running()
