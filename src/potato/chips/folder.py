"""A folder of numbered chips and its manifest. Chips are whole or absent, and runs can be resumed.

A line goes into the manifest before its chip goes into the folder. So at whatever moment a run is
killed, every chip has its line, and a line without its chip is work left to do.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potato.chips.chip import digest
from potato.core.types import PathLike
from potato.errors import ChipError
from potato.raster.atomic import locked, make_folder, remove_partials, write_whole
from potato.raster.json_lines import append_json_line, json_line, whole_lines
from potato.raster.output_files import check_folder

MANIFEST = "manifest.jsonl"
"""Name of the manifest: a JSON object a line, one for each chip of a folder."""

ChipRow = dict[str, Any]
"""What the manifest says of a chip."""

_CHIP = re.compile(r"(0|[1-9][0-9]{0,11})\.pt")


@dataclass(frozen=True)
class ChipSource:
    """A folder of chips that goes into a pool.

    Attributes:
        folder: path as the caller gave it.
        numbers: of the chips to take, in the order to take them.
        rows: their rows of the manifest.
    """

    folder: Path
    numbers: tuple[int, ...]
    rows: Mapping[int, ChipRow]

    def target(self, n: int) -> Path:
        """The file of chip `n`."""
        return self.folder / f"{n}.pt"


def chip_numbers(folder: Path) -> list[int]:
    """Numbers of the chips in a folder, ascending."""
    found = (_CHIP.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(name[1]) for name in found if name)


def list_chips(folder: PathLike) -> list[Path]:
    """The chips of a folder, `0.pt`, `1.pt`, …, by number; without any, those of the folders in it.

    Chips of several folders come by number, too, so that the first of them are of every folder.

    Raises:
        ChipError: if there are none.
    """
    path = Path(folder)
    try:
        found = [path / f"{number}.pt" for number in chip_numbers(path)]
        if not found:
            below = sorted(one for one in path.glob("[!.]*") if one.is_dir())
            found = [inner / f"{number}.pt" for inner in below for number in chip_numbers(inner)]
    except OSError as error:
        raise ChipError(f"{folder}: expected a folder of chips, can't list it: {error.strerror}") from error
    if not found:
        raise ChipError(
            f"{folder}: expected a folder of chips (0.pt, 1.pt, …), or of such folders, found none; "
            "see make-chips"
        )
    return sorted(found, key=lambda chip: int(chip.stem))


def manifest_rows(folder: Path) -> dict[int, ChipRow]:
    """The rows of a folder's manifest by chip number; empty if there is no manifest.

    A last line that was cut short, by a crash or a full disk, is left out.

    Raises:
        ChipError: if another line isn't as `docs/formats.md` says, or the file can't be read.
    """
    path = folder / MANIFEST
    rows: dict[int, ChipRow] = {}
    try:
        for number, line in whole_lines(path):
            try:
                row = json.loads(line)
                n = row["n"]
                if type(n) is not int or n < 0 or n in rows or not isinstance(row.get("digest", ""), str):
                    raise ValueError("a number twice, or none")
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise ChipError(
                    f"{path}, line {number}: expected a JSON object with a number n of its own, "
                    f"found {line[:60].decode(errors='replace')!r}; remove the folder and make it again"
                ) from error
            rows[n] = row
    except OSError as error:
        raise ChipError(f"{path}: can't be read: {error}") from error
    return rows


class ChipFolder:
    """An open folder that chips are added to.

    Attributes:
        path: of the folder.
        plan: the digest of source and settings.
        rows: the rows of its manifest, by chip number.
    """

    def __init__(self, path: Path, plan: str) -> None:
        self.path, self.plan = path, plan
        self.rows = manifest_rows(path)
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
        remove_partials(path)
        self.sort_manifest()

    def has(self, n: int) -> bool:
        """Whether chip `n` is there and has the digest that the manifest says."""
        row, path = self.rows.get(n), self.path / f"{n}.pt"
        if row is None or not path.is_file():
            return False
        try:
            return bool(digest(path.read_bytes()) == row.get("digest"))
        except OSError:
            return False

    def put(self, n: int, row: ChipRow, data: bytes) -> None:
        """Add a chip: first its row, then its file.

        Raises:
            OutputError: if either can't be written.
        """
        row = {"n": n, **row, "digest": digest(data), "plan": self.plan}
        known = self.rows.get(n)
        self.rows[n] = row
        if known is None:
            append_json_line(self.path / MANIFEST, row)
        elif known != row:
            self.sort_manifest()
        write_whole(self.path / f"{n}.pt", data)

    def sort_manifest(self) -> None:
        """Write the manifest again, in the order of chip numbers, unless it is so already."""
        text = "".join(json_line(self.rows[n]) for n in sorted(self.rows)).encode()
        path = self.path / MANIFEST
        if path.exists() and path.read_bytes() != text:
            write_whole(path, text)


@contextlib.contextmanager
def open_folder(path: PathLike, plan: str) -> Iterator[ChipFolder]:
    """Open a folder to add chips to; only one run at a time may.

    Args:
        path: the folder; made if it isn't there.
        plan: a digest of source and settings; a folder with chips of another plan is refused.

    Raises:
        ChipError: if the folder has other chips, or another run has it open.
        OutputError: if it can't be made.
    """
    folder = check_folder(path)
    make_folder(folder)
    busy = ChipError(f"{folder}: another run is putting chips there; wait for it to end")
    with locked(folder, busy):
        chips = ChipFolder(folder, plan)
        try:
            yield chips
        finally:
            chips.sort_manifest()
