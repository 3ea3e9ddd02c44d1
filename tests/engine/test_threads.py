import threading
import time

import pytest

from potato.engine.threads import map_blocks
from potato.errors import BlockError


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
