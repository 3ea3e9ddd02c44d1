"""The signals that interrupt a command: Ctrl-C, `kill`, and the end of its terminal."""

import signal

INTERRUPTS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Their numbers; Windows knows no SIGHUP."""
