import threading

import pytest
import torch

from potato.engine.threads import map_blocks
from potato.engine.torch_threads import one_thread


@pytest.fixture(autouse=True)
def three_threads():
    """Torch with three threads, as on a machine with three cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_new_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


class Call:
    """A call inside `one_thread`, in its own thread, that begins and ends on demand."""

    def __init__(self):
        self._begun, self._end = threading.Event(), threading.Event()
        self.inside = self.after = 0
        self._thread = threading.Thread(target=self._work)

    def _work(self):
        torch.get_num_threads()
        with one_thread():
            self.inside = torch.get_num_threads()
            self._begun.set()
            self._end.wait(10)
        self.after = torch.get_num_threads()

    def begin(self):
        self._thread.start()
        assert self._begun.wait(10)
        return self

    def end(self):
        self._end.set()
        self._thread.join()


def test_one_thread_restores_the_thread_count_also_after_an_error():
    with pytest.raises(ValueError, match="a fault"), one_thread():
        assert torch.get_num_threads() == 1 and in_new_thread(torch.get_num_threads) == 1
        raise ValueError("a fault")
    assert torch.get_num_threads() == 3 and in_new_thread(torch.get_num_threads) == 3


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_overlapping_calls_restore_the_thread_count_of_torch(first_to_end):
    calls = [Call().begin(), Call().begin()]
    assert [call.inside for call in calls] == [1, 1]
    calls[first_to_end].end()
    # The other is still inside: what it starts must work in one thread.
    assert in_new_thread(torch.get_num_threads) == 1
    calls[1 - first_to_end].end()
    assert [call.after for call in calls] == [3, 3]
    assert torch.get_num_threads() == 3 and in_new_thread(torch.get_num_threads) == 3


def test_a_thread_gets_its_count_back_while_a_call_in_another_continues():
    with one_thread():
        other = Call().begin()
    assert torch.get_num_threads() == 3 and in_new_thread(torch.get_num_threads) == 1
    other.end()
    assert in_new_thread(torch.get_num_threads) == 3


def test_nested_calls_stay_in_one_thread_until_the_outermost_ends():
    def work(_):
        with one_thread():
            pass
        return torch.get_num_threads()

    with one_thread():
        with one_thread():
            pass
        assert torch.get_num_threads() == 1
        assert {found for _, found in map_blocks(enumerate(range(8)), work, 2, 4)} == {1}
    assert torch.get_num_threads() == 3
