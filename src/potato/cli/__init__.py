"""The command line: parse, call one tool, print. Commands load when they are named."""

import gc
import importlib
import signal
import sys
from importlib import metadata
from types import FrameType
from typing import Any

import click

from potato.core.text import redact
from potato.errors import PotatoError

__all__ = ["main", "potato"]

COMMANDS = {
    "Sharpen": {"fuse": "fuse", "fuse-ard": "fuse_ard", "ls": "ls", "demo": "demo"},
    "Training data": {
        "make-chips": "make_chips",
        "link-chips": "link_chips",
        "fake-chips": "fake_chips",
        "chips-sheet": "chips_sheet",
        "get-reflectance": "get_reflectance",
        "rate-cids": "rate_cids",
        "make-scenes": "make_scenes",
        "make-ard": "make_ard",
    },
    "Train and judge": {"train": "train", "check": "check", "evaluate": "evaluate"},
    "Look": {
        "report": "report",
        "quick-contrast": "quick_contrast",
        "mul-to-rgb": "mul_to_rgb",
        "ab": "ab",
        "exaggerate": "exaggerate",
        "gray-diff": "gray_diff",
        "vectorscope": "vectorscope",
    },
    "Look after it": {"doctor": "doctor"},
}
"""Sections of the help: each command and the module here that holds it."""

INTERRUPTED = "potato: interrupted; nothing was left half written"


class Commands(click.Group):
    """A group whose commands are imported when they are asked for, and listed by section."""

    def list_commands(self, context: click.Context) -> list[str]:
        """All names, in the order of the sections."""
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of that name."""
        for section in COMMANDS.values():
            if name in section:
                module = importlib.import_module(f"potato.cli.{section[name]}")
                command: click.Command = getattr(module, name.replace("-", "_"))
                return command
        return None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """A list for each section."""
        for title, section in COMMANDS.items():
            commands = [(name, self.get_command(context, name)) for name in section]
            with formatter.section(title):
                formatter.write_dl(
                    [(name, command.get_short_help_str(80)) for name, command in commands if command]
                )

    def invoke(self, context: click.Context) -> Any:
        """Run a command; what Potato raises on purpose becomes one line and exit code 1."""
        if context.parent is not None:  # a plugin of rio, whose own main knows nothing of this
            signal.signal(signal.SIGTERM, _interrupt)
        try:
            return super().invoke(context)
        except (KeyboardInterrupt, Exception) as error:
            if _came_of_interrupt(error):
                click.echo(INTERRUPTED, err=True)
                context.exit(130)
            if context.params.get("debug") or not isinstance(error, PotatoError):
                raise
            click.echo(f"potato: {redact(' '.join(str(error).split()))}", err=True)
            context.exit(1)


def _came_of_interrupt(error: BaseException | None) -> bool:
    """Whether an error is an interruption, or came of one: what is torn down halfway fails in its own way."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _version() -> str:
    return metadata.version("potato")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(_version(), prog_name="potato")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def potato(debug: bool) -> None:
    """Sharpen satellite pictures: a pan and a mul of WorldView-2 or -3 in, one sharp picture out."""


def main() -> None:
    """The entry point of `potato`; like Ctrl-C, a polite kill cleans up behind itself."""
    # Torch makes 300,000 objects that stay. To look for garbage among them while it loads, and once more at
    # the end, takes as long as half of loading it.
    gc.set_threshold(100_000)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = potato.main(standalone_mode=False)
    except click.exceptions.Abort:  # before a command began
        click.echo(INTERRUPTED, err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    sys.stdout.flush()
    gc.freeze()
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
