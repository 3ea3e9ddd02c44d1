"""Printing: lines that any terminal may show, also where a stream is closed or full."""

import contextlib
import os
import re
import sys
import threading
import warnings
from types import TracebackType

import click

from potato.core.text import one_line, readable, redact
from potato.errors import OutputError, PotatoError

_OUT_OF_MEMORY = re.compile(r"can't allocate memory|out of memory|Storage size calculation overflowed")
"""What PyTorch says then, with errors of its own."""


def open_streams() -> None:
    """Lead streams that were closed before this process began to nowhere.

    Otherwise the next file that is opened gets the number of one, and libraries print into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115  (open to the end)
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115  (open to the end)


def silence_libraries() -> None:
    """Keep warnings of libraries off stderr, where a failure is one line; `--debug` shows them."""
    if "--debug" not in sys.argv:
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        # GDAL's own threads know no handler of errors but the one that prints.
        os.environ.setdefault("CPL_LOG", os.devnull)
        sys.unraisablehook, sys.excepthook = (lambda _: None), _show_uncaught
        threading.excepthook = _show_in_thread


def _show_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error that nothing caught.

    One without a traceback was caught: rasterio prints it if a message of GDAL, which quotes bytes
    of a damaged file, isn't UTF-8.
    """
    if trace is not None:
        sys.__excepthook__(kind, error, trace)


def _show_in_thread(ended: threading.ExceptHookArgs) -> None:
    """Show an error that ended a thread; whoever waits for it gets those of the system, too."""
    if not issubclass(ended.exc_type, OSError):
        threading.__excepthook__(ended)


def flush() -> None:
    """Write out what was printed; what can't be written was reported when it was printed."""
    try:
        sys.stdout.flush()
    except OSError:
        _mute()


def say(text: object, *, end: bool = True) -> None:
    """Print a text on stdout, in which nothing commands a terminal.

    Args:
        text: one or more lines.
        end: whether to end the last line.

    Raises:
        OutputError: if it can't be written.
        Exit: if whoever reads it has gone.
    """
    line = readable(str(text))
    try:
        try:
            click.echo(line, nl=end)
        except UnicodeEncodeError:
            encoding = sys.stdout.encoding
            click.echo(line.encode(encoding, "backslashreplace").decode(encoding), nl=end)
    except OSError as error:
        raise unprinted(error) from error


def is_unprinted(error: BaseException) -> bool:
    """Whether an error comes from click, which prints the text of `--help`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = trace and trace.tb_frame.f_globals.get("__name__")
    return isinstance(error, OSError) and place == click.echo.__module__


def unprinted(error: BaseException) -> Exception:
    """What becomes of a text that can't be printed: an error, or the end if its reader has gone."""
    if isinstance(error, BrokenPipeError):
        _mute()
        return click.exceptions.Exit(1)
    return OutputError(f"standard output: can't write there: {getattr(error, 'strerror', error)}")


def _mute() -> None:
    """Lead stdout to nowhere, with what still waits to be written: Python tries again at exit."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def complain(text: object) -> None:
    """Print a text on stderr, without what may be secret in it."""
    with contextlib.suppress(OSError):
        click.echo(redact(str(text)), err=True)


def describe(error: BaseException) -> str:
    """An error in one line: one of Potato's as it is, another with what is known of its cause."""
    text = one_line(error)
    if isinstance(error, PotatoError):
        return text
    text = text[:1000]
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(text):
        return f"expected enough memory, found too little: {text}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if type(error).__module__.startswith("rasterio"):
        return f"GDAL can't do it: {text}"
    name = type(error).__name__
    return f"unexpected {name}: {text}; please report it with what potato --debug … shows"
