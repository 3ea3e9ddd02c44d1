"""Finding, installing and running Potato in an environment of its own; imports nothing of QGIS."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

DISTRIBUTION = "potato-pansharp"
"""What pip installs."""

EXTRAS = "serve,vectors"
"""What the plugin needs beyond the base: live layers, and areas in any format."""

PYTHON = "3.12"
"""The Python that uv fetches for a new environment."""

COMMAND = "POTATO_COMMAND"
"""Environment variable that names the command, before the setting."""

NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""What keeps Windows from opening a console for a command."""

PATIENCE = 20.0
"""Seconds in which a cancelled command may clean up."""

HIDDEN = (
    *("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV"),
    *("GDAL_DATA", "GDAL_DRIVER_PATH", "PROJ_DATA", "PROJ_LIB", "GDAL_PYTHON_DRIVER_PATH"),
)
"""Variables of QGIS's own Python, GDAL and PROJ, which would mislead those of Potato."""


Process = subprocess.Popen[str]
"""A command that was started."""


class PotatoError(Exception):
    """A failure, in one line for people."""


@dataclass(frozen=True)
class Outcome:
    """What a command printed.

    Attributes:
        code: its exit code: 0, or 3 if it is done but something isn't good enough.
        output: what it printed on stdout.
    """

    code: int
    output: str


def own_version() -> tuple[int, ...]:
    """Major and minor version of the plugin, which needs a Potato that is no older."""
    metadata = Path(__file__).with_name("metadata.txt").read_text(encoding="utf-8")
    found = re.search(r"^version=(\d+)\.(\d+)", metadata, re.MULTILINE)
    return tuple(map(int, found.groups())) if found else (0, 0)


def own_folder() -> Path:
    """The folder of the environment that the plugin makes."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "potato-sharpen"


def command_within(environment: Path) -> Path:
    """The command `potato` of an environment."""
    windows = sys.platform == "win32"
    return environment / ("Scripts" if windows else "bin") / ("potato.exe" if windows else "potato")


def find_potato(setting: str = "") -> str:
    """The command to run: of the variable, the setting, the plugin's own environment, or PATH.

    Args:
        setting: what the user has set: the command, or the folder of its environment.

    Raises:
        PotatoError: if there is none, or none of a version that the plugin can use.
    """
    chosen = os.environ.get(COMMAND) or setting.strip()
    if chosen:
        path = Path(chosen).expanduser()
        found = str(command_within(path)) if path.is_dir() else shutil.which(str(path)) or str(path)
        check_version(found)
        return found
    reasons: list[str] = []
    for found in filter(None, (shutil.which(command_within(own_folder())), shutil.which("potato"))):
        try:
            check_version(found)
        except PotatoError as error:
            reasons.append(str(error))
        else:
            return found
    raise PotatoError(
        "; ".join(reasons)
        or 'expected Potato on this machine, found none; run the algorithm "Install Potato", or name the '
        "command under Settings, Options, Processing, Providers, Potato"
    )


def check_version(command: str) -> None:
    """Refuse a command that isn't Potato, or is too old.

    Raises:
        PotatoError: if it is.
    """
    try:
        told = subprocess.run(
            [command, "--version"],
            capture_output=True,
            text=True,
            timeout=120,
            env=environment(),
            check=False,
            creationflags=NO_WINDOW,
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PotatoError(f"{command}: can't run it: {getattr(error, 'strerror', None) or error}") from error
    found = re.match(r"potato, version (\d+)\.(\d+)", told)
    if found is None:
        raise PotatoError(
            f"{command}: expected Potato, found another program of its name; name Potato's in the settings"
        )
    if tuple(map(int, found.groups())) < own_version():
        oldest = ".".join(map(str, own_version()))
        raise PotatoError(
            f"{command}: expected Potato {oldest} or newer, found {'.'.join(found.groups())}; run the "
            'algorithm "Install Potato"'
        )


def environment() -> dict[str, str]:
    """The environment of a command: this process's, without what belongs to QGIS alone."""
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "POTATO_PROGRESS_SECONDS": "1"}


def install_commands(folder: Path, package: str = "") -> list[list[str]]:
    """The commands that make an environment with Potato in it: with uv, else with Python's venv.

    Args:
        folder: the environment's folder; an older one is replaced.
        package: what to install, in pip's words; empty for the newest version with its extras.

    Raises:
        PotatoError: if there is neither uv nor a Python.
    """
    wanted = package or f"{DISTRIBUTION}[{EXTRAS}]>={'.'.join(map(str, own_version()))}"
    inside = str(command_within(folder).with_name("python.exe" if sys.platform == "win32" else "python"))
    uv = shutil.which("uv")
    if uv:
        return [
            [uv, "venv", "--clear", "--python", PYTHON, str(folder)],
            [uv, "pip", "install", "--python", inside, wanted],
        ]
    python = _python()
    if python is None:
        raise PotatoError(
            "expected uv or Python 3.11 or newer on this machine, found neither; install uv first"
        )
    return [
        [python, "-m", "venv", "--clear", str(folder)],
        [inside, "-m", "pip", "install", "--progress-bar", "off", wanted],
    ]


def _python() -> str | None:
    """A Python of version 3.11 or newer; None if there is none."""
    names = [f"python3.{minor}" for minor in range(14, 10, -1)] + ["python3", "python"]
    # In QGIS for Windows and macOS, sys.executable is QGIS itself.
    beside = Path(sys.prefix) / ("python3.exe" if sys.platform == "win32" else "bin/python3")
    for python in filter(None, [*map(shutil.which, names), str(beside)]):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
            done = subprocess.run(
                [python, "-c", check],
                env=environment(),
                timeout=60,
                capture_output=True,
                check=False,
                creationflags=NO_WINDOW,
            )
            if done.returncode == 0:
                return python
    return None


def run(
    command: Sequence[str],
    *,
    tell: Callable[[str], None] = lambda line: None,
    progress: Callable[[float], None] = lambda percent: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Run a command to its end.

    Args:
        command: the program and its arguments.
        tell: called with each line for people.
        progress: called with the percentage that is done, 0..100.
        cancelled: asked a few times a second; if it says so, the command is interrupted, which lets
            it remove what it has begun.

    Raises:
        PotatoError: if the command fails, with its last line, or was cancelled.
    """
    process = start(command)
    lines: list[str] = []

    def listen() -> None:
        for line in pieces(process.stderr):
            percent = percentage(line)
            if percent is not None:
                progress(percent)
            else:
                lines.append(line)
                tell(line)

    printed: list[str] = []

    def collect() -> None:
        printed.append(process.stdout.read() if process.stdout else "")

    threads = [
        threading.Thread(target=listen, daemon=True),
        threading.Thread(target=collect, daemon=True),
    ]
    with process:
        for thread in threads:
            thread.start()
        interrupted = False
        while process.poll() is None:
            if cancelled():
                interrupted = True
                stop(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        for thread in threads:
            thread.join()
    if interrupted:
        raise PotatoError(lines[-1] if lines else "cancelled")
    if process.returncode not in (0, 3):
        said = lines[-1] if lines else f"the command ended with code {process.returncode}"
        raise PotatoError(re.sub(r"^(potato|Error): ", "", said))
    return Outcome(process.returncode, printed[0])


def start(command: Sequence[str]) -> Process:
    """Start a command in a process group of its own, so that it alone is interrupted.

    Raises:
        PotatoError: if it can't be started.
    """
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment(),
            start_new_session=True,
            creationflags=NO_WINDOW | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as error:
        raise PotatoError(f"{command[0]}: can't run it: {error.strerror or error}") from error


def stop(process: Process) -> None:
    """Interrupt a command; end it if it doesn't end by itself."""
    with contextlib.suppress(OSError):
        process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def close(process: Process) -> None:
    """Close the streams of a command that has ended."""
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def pieces(stream: IO[str] | None) -> Iterator[str]:
    """The lines of a stream; a progress bar's end with a carriage return."""
    for line in stream or ():
        for piece in re.split(r"[\r\n]+", line):
            if piece.strip():
                yield piece.strip()


def percentage(line: str) -> float | None:
    """The percentage that a line of progress tells; None if it is another line.

    >>> percentage("potato: 3 of 12 tiles, 25%, 31.0 s so far, about 93.0 s left")
    25.0
    >>> percentage(" 40%|████      | 41/102 Mpx [00:03<00:05, 11.2Mpx/s]")
    40.0
    """
    found = re.match(r"potato: .* of .*, (\d+)%, .* so far|\s*(\d+)%\|", line)
    return float(found.group(1) or found.group(2)) if found else None


def split(text: str) -> list[str]:
    """Options that were typed in one line.

    Raises:
        PotatoError: if a quotation mark is missing.
    """
    try:
        parts = shlex.split(text, posix=sys.platform != "win32")
    except ValueError as error:
        raise PotatoError(f"{text}: expected options, found an open quotation mark") from error
    return [part.strip("\"'") for part in parts] if sys.platform == "win32" else parts


def quoted(command: Sequence[str]) -> str:
    """A command as one would type it."""
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)


def first_line(
    process: Process,
    cancelled: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda line: None,
) -> str:
    """The first line that a command prints, such as the address that it serves.

    Args:
        process: the command.
        cancelled: asked a few times a second; if it says so, the command is ended.
        tell: gets what the command says on stderr until then.

    Raises:
        PotatoError: if the command ends first, with its last line, or was cancelled.
    """
    found: list[str] = []
    said: deque[str] = deque(maxlen=100)

    def listen() -> None:
        found.append(process.stdout.readline() if process.stdout else "")

    def hear() -> None:
        with process.stderr or contextlib.nullcontext() as stream:
            said.extend(pieces(stream))

    threads = [threading.Thread(target=function, daemon=True) for function in (listen, hear)]
    for thread in threads:
        thread.start()
    last, stopped = "the command printed nothing", False
    while threads[0].is_alive() and not stopped:
        while said:
            last = said.popleft()
            tell(last)
        stopped = cancelled()
        threads[0].join(0.2)
    line = "" if stopped else found[0].strip()
    if line:
        # A full pipe would stop the command, so both streams are read on.
        threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()
        return line
    stop(process)
    for thread in threads:
        thread.join()
    close(process)
    *_, last = [last, *said]
    raise PotatoError("cancelled" if stopped else re.sub(r"^(potato|Error): ", "", last))


def _drain(stream: IO[str] | None) -> None:
    """Read a stream to its end, and close it."""
    with stream or contextlib.nullcontext() as lines:
        for _ in lines or ():
            pass
