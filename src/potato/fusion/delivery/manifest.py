"""The manifest of a delivery: what came of every tile, as JSON, a line each.

Lines are only ever added, by one process, and the last one of a tile counts. So a run that is killed at any
moment leaves at worst a last line without an end, which is dropped; nothing needs locks that network file
systems may lack; and `grep failed manifest.jsonl` answers in the morning. SQLite needs both locks and a tool.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from potato.errors import OutputError, OutputExists
from potato.raster.atomic import locked

MANIFEST = "manifest.jsonl"
"""Its name in the folder of the delivery."""

COLLECTION = "collection.json"
"""Name of the STAC collection beside it."""

STATES = ("started", "done", "empty", "failed")


@dataclass(frozen=True)
class Record:
    """What came of a tile, or of a mosaic.

    Attributes:
        tile: `zone/quadkey/date/CID`, or `mosaic/zone/CID`: where its files lie, without endings.
        state: `started`; `done`; `empty` if the area has nothing of it, so there is no file; or `failed`.
        signature: stands for weights and options.
        reason: why it failed, or what is to be known of it.
        file: name of the picture's file, relative to the delivery.
        digest: SHA-256 of that.
        bytes: size of it.
        width: in pixels.
        height: in pixels.
        valid: share of its pixels that are valid.
        seconds: how long it took.
        moved: bytes that were fetched over the network; None if nothing was, or GDAL doesn't tell.
        bbox: west, south, east, north in degrees.
        datetime: when it was seen.
    """

    tile: str
    state: str
    signature: str
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

    @property
    def failure(self) -> str:
        """The line that tells people of a failure."""
        return f"{self.tile}: {self.reason}"


class Manifest:
    """An open manifest.

    Attributes:
        folder: of the delivery.
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

    def describe(self, signature: str, settings: dict[str, Any]) -> None:
        """Say once what a signature stands for."""
        if self.settings.get(signature) != settings:
            self.settings[signature] = settings
            self._add({"settings": settings, "signature": signature})

    def holds(self, record: Record) -> bool:
        """Whether the picture of a record is there, as long as it was."""
        try:
            return (self.folder / record.file).stat().st_size == record.bytes and bool(record.file)
        except OSError:
            return False

    def _add(self, row: dict[str, Any]) -> None:
        path = self.folder / MANIFEST
        try:
            with path.open("ab") as file:
                file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{path}: can't write there: {error.strerror or error}") from error


@contextlib.contextmanager
def open_manifest(folder: Path) -> Iterator[Manifest]:
    """Open the manifest of a delivery for one run at a time; folder and manifest are made if need be.

    Raises:
        OutputError: if the folder can't be made, another run is at work on it, or the manifest isn't one.
        OutputExists: if there is a collection that isn't a delivery's.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: can't make a folder there: {error.strerror or error}") from error
    if (folder / COLLECTION).exists() and not (folder / MANIFEST).exists():
        raise OutputExists(
            f"{folder}: expected a new folder or a delivery, found the {COLLECTION} of something else; "
            "choose another folder"
        )
    busy = OutputError(f"{folder}: another run is writing there; wait for its end, or choose another folder")
    with locked(folder, busy):
        manifest, end = _read(folder)
        path = folder / MANIFEST
        if path.exists() and path.stat().st_size > end:
            os.truncate(path, end)
        yield manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a delivery, to look at; an empty one if there is none.

    Raises:
        OutputError: if it isn't one.
    """
    return _read(folder)[0]


def _read(folder: Path) -> tuple[Manifest, int]:
    """A manifest, and the bytes of its whole lines."""
    path = folder / MANIFEST
    rows: dict[str, Record] = {}
    settings: dict[str, dict[str, Any]] = {}
    try:
        text = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise OutputError(f"{path}: can't read it: {error.strerror or error}") from error
    lines = text.split(b"\n")
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line break was cut short
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
    return Manifest(folder, rows, settings), len(text) - len(lines[-1])


def _record(row: dict[str, Any]) -> Record:
    known = {field.name for field in fields(Record)}
    box = row.get("bbox")
    record = Record(**{name: row[name] for name in row if name in known and name != "bbox"})
    if record.state not in STATES or not all(
        isinstance(text, str) for text in (record.tile, record.signature, record.file, record.digest)
    ):
        raise ValueError(record.state)
    return Record(**{**asdict(record), "bbox": None if box is None else tuple(map(float, box))})
