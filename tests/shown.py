"""The code blocks of pages, run as a reader would run them."""

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from click.testing import Result

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

Run = Callable[..., Result]
"""The fixture `run`."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """The code blocks of a page: language, "" for none, and text."""
    return BLOCK.findall(page.read_text("utf-8"))


def command_lines(block: str) -> list[str]:
    """The command lines of a block, whole, with their comments."""
    lines = re.split(r"\n|&&", block.replace("\\\n", " "))
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def follow(lines: list[str], run: Run, words: Mapping[str, str] | None = None) -> None:
    """Run commands in the folder that is current; each must do what its comment says.

    Args:
        lines: command lines. One that isn't `potato` is the shell's.
        run: the fixture.
        words: what placeholders such as ORDER stand for.
    """
    for line in lines:
        code = re.search(r"# .*exit code (\d)", line)
        expected = int(code[1]) if code else 0
        name, *arguments = (
            words.get(word, word) if words else word for word in shlex.split(line, comments=True)
        )
        if name != "potato":
            done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
            assert done.returncode == expected, f"{line}\n{done.stderr}"
            continue
        result = run(*arguments)
        assert result.exit_code == expected, f"{line}\n{result.output}"
        if arguments[0] == "fuse":
            output = next(word for word in arguments if word.endswith("tif") and "/" not in word)
            assert Path(output).exists() == (expected == 0), line


def walk(page: Path, run: Run) -> None:
    """Run every block of a page in order: commands, and Python in one namespace."""
    names: dict[str, object] = {}
    for language, text in blocks(page):
        if language == "bash":
            follow(command_lines(text), run)
        elif language == "python":
            exec(compile(text, str(page), "exec"), names)
