"""A folder of numbered chips and its manifest: what is there, what isn't, and nothing half written.

A line goes into the manifest before its chip goes into the folder. So whatever moment a run is
killed at, every chip has its line, and a line without its chip is work left to do.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from potato.chips.chip import digest
from potato.errors import ChipError, OutputError
from potato.raster.atomic import locked, write_whole

MANIFEST = "manifest.jsonl"
"""Name of the file that tells of each chip in a folder; JSON, one object a line."""

Row = dict[str, Any]

_CHIP = re.compile(r"(0|[1-9]\d{0,11})\.pt")
_PARTIAL = re.compile(r"\..+\.\d+\.partial")


def chip_numbers(folder: Path) -> list[int]:
    """Numbers of the chips in a folder, ascending."""
    found = (_CHIP.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(name[1]) for name in found if name)


def read_manifest(folder: Path) -> dict[int, Row]:
    """The lines of a folder's manifest by number; empty if it has none.

    A last line that was cut short, by a crash or a full disk, is left out.

    Raises:
        ChipError: if anything else in it isn't as `docs/formats.md` says.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    rows: dict[int, Row] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ChipError(f"{path}: can't be read: {error}") from error
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line break is no line
        try:
            row = json.loads(line)
            n = row["n"]
            if type(n) is not int or n < 0 or n in rows or not isinstance(row.get("digest", ""), str):
                raise ValueError("a number twice, or none")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ChipError(
                f"{path}, line {number}: expected a JSON object with a number n of its own, "
                f"found {line[:60]!r}; remove the folder and make it again"
            ) from error
        rows[n] = row
    return rows


class ChipFolder:
    """An open folder that chips go into.

    Attributes:
        path: where it is.
        rows: the lines of its manifest, by number.
    """

    def __init__(self, path: Path, plan: str) -> None:
        self.path, self.plan = path, plan
        self.rows = read_manifest(path)
        found = set(chip_numbers(path))
        strangers = [
            *(f"{n}.pt isn't in its {MANIFEST}" for n in sorted(found - set(self.rows))),
            *(
                f"{n}.pt was made from another source or with other settings"
                for n in sorted(self.rows)
                if self.rows[n].get("plan") != plan
            ),
        ]
        if strangers:
            raise ChipError(
                f"{path}: expected an empty folder or chips of this run, but {strangers[0]}; choose another"
            )
        for left in [one for one in path.iterdir() if _PARTIAL.fullmatch(one.name)]:
            left.unlink(missing_ok=True)
        self._settle()

    def has(self, n: int) -> bool:
        """Whether chip `n` is there, and is what the manifest says."""
        row = self.rows.get(n)
        if row is None:
            return False
        try:
            return bool(digest((self.path / f"{n}.pt").read_bytes()) == row.get("digest"))
        except OSError:
            return False

    def put(self, n: int, row: Row, data: bytes) -> None:
        """Add a chip: its line, then its file.

        Raises:
            OutputError: if either can't be written.
        """
        row = {"n": n, **row, "digest": digest(data), "plan": self.plan}
        known = self.rows.get(n)
        self.rows[n] = row
        if known is None:
            try:
                with (self.path / MANIFEST).open("a", encoding="utf-8") as file:
                    file.write(_line(row))
            except OSError as error:
                raise OutputError(f"{self.path / MANIFEST}: can't write there: {error.strerror}") from error
        elif known != row:
            self._settle()
        write_whole(self.path / f"{n}.pt", data)

    def close(self) -> None:
        """Put the lines of the manifest in the order of their numbers."""
        self._settle()

    def _settle(self) -> None:
        text = "".join(_line(self.rows[n]) for n in sorted(self.rows)).encode()
        path = self.path / MANIFEST
        if path.exists() and path.read_bytes() != text:
            write_whole(path, text)


@contextlib.contextmanager
def open_folder(path: str | os.PathLike[str], plan: str) -> Iterator[ChipFolder]:
    """Open a folder for writing chips; one run at a time.

    Args:
        path: made if it isn't there.
        plan: what stands for source and settings; chips of another plan are refused.

    Raises:
        ChipError: if other chips are in it, or another run is at work on it.
        OutputError: if it can't be made.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: can't make a folder there: {error.strerror}") from error
    busy = ChipError(f"{folder}: another run is putting chips there; wait for it to end")
    with locked(folder, busy):
        chips = ChipFolder(folder, plan)
        try:
            yield chips
        finally:
            chips.close()


def _line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"
