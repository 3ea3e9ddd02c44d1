"""The manifest of an output folder: JSON lines that record the outcome of every tile.

One process appends lines, and the last line of a tile counts. A run that is killed at any moment
leaves at worst a last line that is cut short, which is dropped. Nothing needs file locks, which
network file systems may lack, and `grep failed manifest.jsonl` lists the failures.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from potato.core.text import valid_share
from potato.errors import OutputError, OutputExists
from potato.raster.atomic import locked, make_folder
from potato.raster.json_lines import append_json_line, whole_lines

MANIFEST = "manifest.jsonl"
"""Name of the manifest in the output folder."""

COLLECTION = "collection.json"
"""Name of the STAC collection beside it."""

STATES = ("started", "done", "empty", "failed", "unusable")


@dataclass(frozen=True)
class Record:
    """The outcome of a tile, or of a mosaic.

    Attributes:
        tile: `zone/quadkey/date/CID`, or `mosaic/zone/CID`: the path of its files, without endings.
        state: `started`; `done`; `empty` if no pixel of the tile lies in the area, so that there is
            no file; `failed`; or `unusable`, by its item.
        signature: 16 hex digits that stand for weights and options; empty if unusable.
        reason: why the tile failed or is unusable, or a remark on one that is done.
        file: path of the picture, relative to the output folder.
        digest: SHA-256 of that file.
        bytes: size of that file.
        width: width of the picture in pixels.
        height: height of the picture in pixels.
        valid: share of its pixels that are valid, 0..1.
        seconds: how long the work took.
        moved: bytes fetched over the network; None if nothing was fetched, or GDAL doesn't say.
        bbox: west, south, east, north in degrees.
        datetime: when the satellite took it.
        transient: whether it failed for a reason outside of it, such as too little memory, so that
            the next run tries again.
    """

    tile: str
    state: str
    signature: str = ""
    reason: str = ""
    file: str = ""
    digest: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    valid: float = 0.0
    seconds: float = 0.0
    moved: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    datetime: str | None = None
    transient: bool = False

    def __str__(self) -> str:
        """One line, for logs."""
        facts = [self.state]
        if self.state == "done":
            facts += [f"{self.width} × {self.height} pixels", valid_share(self.valid)]
        facts += [f"{self.seconds:.1f} s"] if self.seconds else []
        return f"{self.tile}: {', '.join(facts)}" + (f": {self.reason}" if self.reason else "")

    @property
    def failure(self) -> str:
        """The name and the reason, for people."""
        return f"{self.tile}: {self.reason}"


class Manifest:
    """An open manifest.

    Attributes:
        folder: the output folder.
        rows: the last record of each tile.
        settings: weights and options by the signature that stands for them.
    """

    def __init__(self, folder: Path, rows: dict[str, Record], settings: dict[str, dict[str, Any]]) -> None:
        self.folder, self.rows, self.settings = folder, rows, settings

    def put(self, record: Record) -> None:
        """Add a record.

        Raises:
            OutputError: if it can't be written.
        """
        self.rows[record.tile] = record
        self._add({name: value for name, value in asdict(record).items() if value not in ("", 0, None)})

    def put_faults(self, faults: Mapping[str, str]) -> None:
        """Record why tiles are unusable, by their names, unless their pictures are done."""
        for name, reason in faults.items():
            row = self.rows.get(name)
            if row is None or (row.state != "done" and (row.state, row.reason) != ("unusable", reason)):
                self.put(Record(name, "unusable", "", reason=reason))

    def describe(self, signature: str, settings: dict[str, Any]) -> None:
        """Record once which settings a signature stands for."""
        if self.settings.get(signature) != settings:
            self.settings[signature] = settings
            self._add({"settings": settings, "signature": signature})

    def holds(self, record: Record) -> bool:
        """Whether the picture of a record is there in its full length."""
        try:
            return (self.folder / record.file).stat().st_size == record.bytes and bool(record.file)
        except OSError:
            return False

    def _add(self, row: dict[str, Any]) -> None:
        append_json_line(self.folder / MANIFEST, row, durable=True)


@contextlib.contextmanager
def open_manifest(folder: Path) -> Iterator[Manifest]:
    """Open the manifest of an output folder for one run at a time; make both if need be.

    Raises:
        OutputError: if the folder can't be made, another run holds it, or the manifest isn't one.
        OutputExists: if the folder has a collection but no manifest.
    """
    make_folder(folder)
    path = folder / MANIFEST
    if (folder / COLLECTION).exists() and not path.exists():
        raise OutputExists(
            f"{folder}: expected a new folder or one that fuse-ard made, found the {COLLECTION} of something "
            "else; choose another folder"
        )
    busy = OutputError(f"{folder}: another run is writing there; wait for its end, or choose another folder")
    with locked(folder, busy):
        manifest, end = _read(folder)
        if path.exists() and path.stat().st_size > end:
            os.truncate(path, end)
        yield manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an output folder, for reading; an empty one if there is none.

    Raises:
        OutputError: if the file isn't a manifest.
    """
    return _read(folder)[0]


def _read(folder: Path) -> tuple[Manifest, int]:
    """A manifest, and the number of bytes in its whole lines."""
    path = folder / MANIFEST
    rows: dict[str, Record] = {}
    settings: dict[str, dict[str, Any]] = {}
    end = 0
    try:
        lines = list(whole_lines(path))
    except OSError as error:
        raise OutputError(f"{path}: can't read it: {error.strerror or error}") from error
    for number, line in lines:
        end += len(line) + 1
        try:
            row = json.loads(line)
            if "settings" in row:
                settings[str(row["signature"])] = dict(row["settings"])
            else:
                record = _record(row)
                rows[record.tile] = record
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise OutputError(
                f"{path}, line {number}: expected a record of a tile, found {line[:60]!r}; "
                "mend or remove that line, or choose another folder"
            ) from error
    return Manifest(folder, rows, settings), end


def _record(row: dict[str, Any]) -> Record:
    known = {field.name for field in fields(Record)}
    box = row.get("bbox")
    record = Record(**{name: row[name] for name in row if name in known and name != "bbox"})
    if record.state not in STATES or not all(
        isinstance(text, str) for text in (record.tile, record.signature, record.file, record.digest)
    ):
        raise ValueError(record.state)
    return Record(**{**asdict(record), "bbox": None if box is None else tuple(map(float, box))})
