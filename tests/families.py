"""Processes and what they leave: a command in a session of its own, killed, and its children."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE = 300
"""Seconds after which something counts as hanging, on a busy machine too."""

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def start(*command: object, **more) -> subprocess.Popen:
    """Start a process as the head of a session, to which all of its children belong."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*map(str, command)], start_new_session=True, **{**pipes, **more})


def family(head: subprocess.Popen) -> set[int]:
    """The living processes of a session, its head included."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == head.pid and state not in "ZX":
            found.add(int(path.parent.name))
    return found


def wait_for(condition, head: subprocess.Popen | None = None) -> None:
    """Wait until a condition holds; a head that ends before is an error."""
    for _ in range(PATIENCE * 50):
        if condition():
            return
        if head is not None and head.poll() is not None:
            pytest.fail(f"ended early: {head.communicate()}")
        time.sleep(0.02)
    pytest.fail("nothing came")


def kill_head(head: subprocess.Popen) -> None:
    """Kill the head of a session by SIGKILL; its children must end by themselves, soon."""
    head.send_signal(signal.SIGKILL)
    head.communicate()
    wait_for(lambda: not family(head))


def is_worker(pid: int) -> bool:
    """Whether a process does a parent's work, and isn't Python's resource tracker."""
    try:
        return "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def kill(pid: int) -> None:
    """Kill a process as the system does when memory runs out."""
    os.kill(pid, signal.SIGKILL)
