"""Signals that interrupt: raised once, held back around libraries, never lost."""

import signal
import threading

import pytest

from potato.engine.interrupts import AGAIN, Interruption, held_back


@pytest.fixture
def interruption():
    handler = Interruption()
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    yield handler
    for number, usual in before.items():
        signal.signal(number, usual)


def test_signals_interrupt_once_and_again_after_a_while(interruption, monkeypatch):
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    assert not interruption.came
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    now += AGAIN / 2
    signal.raise_signal(signal.SIGTERM)
    now += AGAIN
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert interruption.came


def test_a_signal_waits_until_torch_has_loaded(interruption):
    loads = compile("raise_signal(SIGINT); loaded.append(True)", "torch/__init__.py", "exec")
    module = {**vars(signal), "__name__": "torch.autograd", "loaded": []}
    exec(loads, module)
    assert module["loaded"] and not interruption.came
    with pytest.raises(KeyboardInterrupt):
        threading.Event().wait(60)


def test_a_signal_waits_for_the_end(interruption):
    reached = False
    with pytest.raises(KeyboardInterrupt), held_back() as waiting:
        assert waiting == []
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert waiting == [signal.SIGTERM, signal.SIGINT]
        reached = True
    assert reached and signal.getsignal(signal.SIGINT) is interruption


def test_a_signal_that_waited_replaces_the_failure_that_it_caused(interruption):
    with pytest.raises(KeyboardInterrupt) as raised, held_back():
        signal.raise_signal(signal.SIGINT)
        raise OSError("nothing can be read")
    assert isinstance(raised.value.__context__, OSError)


def test_a_signal_that_is_ignored_stays_ignored(interruption):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with held_back() as waiting:
        signal.raise_signal(signal.SIGINT)
    assert waiting == []


def test_other_threads_hold_nothing_back(interruption):
    def hold() -> None:
        with held_back():
            found.append(signal.getsignal(signal.SIGINT))

    found: list[object] = []
    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert found == [interruption]
