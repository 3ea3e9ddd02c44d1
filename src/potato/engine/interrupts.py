"""The signals that interrupt a command: Ctrl-C, `kill`, and the end of its terminal."""

import signal

NAMES = "SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"

INTERRUPTS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))
"""Their numbers; SIGHUP is unknown to Windows, SIGBREAK to other systems."""
