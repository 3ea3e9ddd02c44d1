"""The command line: parse, call one tool, print.

Exit codes: 0 done; 1 refused, with one line that says why; 2 called wrongly; 3 done, but something
isn't good enough; 130 interrupted.
"""

import contextlib
import difflib
import gc
import importlib
import io
import signal
import sys
from typing import Any

import click

from potato.cli.output import (
    complain,
    describe,
    flush,
    is_unprinted,
    open_streams,
    silence_libraries,
    unprinted,
)
from potato.core.installation import VERSION, explain, refuse_conflict
from potato.engine.interrupts import INTERRUPTS, Interruption
from potato.engine.process_state import load_less

__all__ = ["main", "potato"]

WORKSHOP = "(extra 'workshop')"
"""In the title of a section: what its commands need."""

COMMANDS = {
    "Sharpen": ("demo", "fuse", "fuse-ard", "serve"),
    "See what you have": ("ls", "doctor", "sensors"),
    "Look at pictures": (
        "report",
        "quick-contrast",
        "mul-to-rgb",
        "ab",
        "exaggerate",
        "gray-diff",
        "vectorscope",
    ),
    "Practise": ("make-delivery", "make-ard"),
    f"Make training data {WORKSHOP}": (
        "make-chips",
        "make-scenes",
        "fake-chips",
        "link-chips",
        "chips-sheet",
        "rate-cids",
        "get-reflectance",
    ),
    f"Train and judge {WORKSHOP}": ("train", "check", "evaluate"),
}
"""Commands by section of the help. `make-chips` is the function `make_chips` in `make_chips.py`."""

LONGEST_SUMMARY = 200
"""Letters of a command's summary on the first page, enough for the first sentence of each."""

CLICK = (click.ClickException, click.exceptions.Exit, click.exceptions.Abort)
"""Errors that click's own main function handles."""

INTERRUPTED = "potato: interrupted; no file was left incomplete"
INTERRUPTED_CODE = 130


def main() -> None:
    """Run `potato` with the arguments of this process, and exit."""
    # Torch makes 300,000 objects that live to the end. Searching them for garbage while torch
    # loads, and once more at exit, takes half as long as loading it.
    gc.set_threshold(100_000)
    load_less()
    open_streams()
    silence_libraries()
    _catch_signals()
    # On Windows, files and pipes get a code page that lacks letters such as Δ.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = potato.main(standalone_mode=False)
    except click.exceptions.Abort:  # Ctrl-C before a command began
        complain(INTERRUPTED)
        code = INTERRUPTED_CODE
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        code = error.exit_code
    except OSError as error:  # of --help or --version
        if not isinstance(error, BrokenPipeError):
            complain(f"potato: {unprinted(error)}")
        code = 1
    flush()
    if code == INTERRUPTED_CODE:
        for number in INTERRUPTS:  # many send two, and Python drops its handlers on its way out
            signal.signal(number, signal.SIG_IGN)
    gc.freeze()
    sys.exit(code if isinstance(code, int) else 0)


class Commands(click.Group):
    """A group that lists commands by section and imports a command when it is named."""

    def list_commands(self, context: click.Context) -> list[str]:
        """All names, in the order of the sections."""
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import the command of that name; None if there is none."""
        if name not in self.list_commands(context):
            return None
        module = name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"potato.cli.{module}"), module)
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named first; a usage error names those that look like it."""
        name = arguments[0]
        close = difflib.get_close_matches(name, self.list_commands(context))
        if self.get_command(context, name) is None and close:
            context.fail(f"No such command '{name}'. Did you mean {' or '.join(close)}?")
        return super().resolve_command(context, arguments)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list for each section."""
        for title, section in COMMANDS.items():
            commands = [(name, self.get_command(context, name)) for name in section]
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (name, command.get_short_help_str(LONGEST_SUMMARY))
                        for name, command in commands
                        if command
                    ]
                )

    def invoke(self, context: click.Context) -> Any:
        """Run a command; an error becomes one line on stderr and exit code 1."""
        if context.parent is not None:  # run by rio, whose main function catches no signals
            _catch_signals()
        try:
            refuse_conflict()
            return super().invoke(context)
        except (KeyboardInterrupt, Exception) as error:
            if _interrupted(error):
                complain(INTERRUPTED)
                context.exit(INTERRUPTED_CODE)
            if is_unprinted(error):
                error = unprinted(error)
            if context.params.get("debug") or isinstance(error, CLICK):
                raise error
            feature = f'"{context.invoked_subcommand}"'
            complain(f"potato: {describe(explain(error, feature))}")
            context.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="potato")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def potato(debug: bool) -> None:
    """Make sharp satellite pictures in true colour.

    Potato takes a grey, sharp image (pan) and a coloured, coarser one (mul) of one place. Begin
    with 'potato demo'; 'potato COMMAND --help' explains a command.

    An ARD is Maxar's tiled delivery, a CID one pass of a satellite, and a chip a small pair to
    train on.
    """


def _catch_signals() -> None:
    """Let every interruption clean up, as Ctrl-C does; a signal that is ignored stays ignored."""
    interruption = Interruption()
    for number in INTERRUPTS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interruption)


def _interrupted(error: BaseException | None) -> bool:
    """Whether an error is an interruption, or came after one, whatever a library made of it."""
    for handler in map(signal.getsignal, INTERRUPTS):
        if isinstance(handler, Interruption) and handler.came:
            return True
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None
