"""Reflectances of named surfaces, many of them difficult: blue roofs, safety yellow, pools, snow.

`runs/make_reflectances.py` made the packaged list from measured spectra, and says how. A list is a
CSV file: a header, then one surface a line,

    name,kind,pan,coastal,blue,green,yellow,red,rededge,nir1,nir2,note

with reflectances as whole counts of 1/10,000. Names say what we take the sample to be; the note
says where the values come from.
"""

import csv
import io
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from potato.core.sensors import SCALE
from potato.core.types import PathLike
from potato.errors import InputError
from potato.raster.untrusted import read_small
from potato.simulation.land.basis import BASIS

COLUMNS = ("name", "kind", "pan", *BASIS.bands, "note")
"""The header of the file, in this order."""

KINDS = (
    "roof",
    "plastic",
    "metal",
    "paint",
    "pavement",
    "stone",
    "soil",
    "litter",
    "vegetation",
    "burnt",
    "water",
    "snow",
)
"""Kinds of surface. Litter is dead plants, and brick is stone; roofs may be plastic or metal."""

_MAXIMUM = 65_535
"""The largest count."""


@dataclass(frozen=True, slots=True)
class Reflectance:
    """One surface, as pan and the 8 bands see it.

    Attributes:
        name: unique in its list.
        kind: one of `KINDS`.
        pan: reflectance 0..1; above 1 for surfaces brighter than a white sheet.
        bands: reflectances in the order of `land.basis.BASIS`.
        note: where the values come from.
    """

    name: str
    kind: str
    pan: float
    bands: tuple[float, ...]
    note: str = ""


def _read(path: PathLike | None) -> tuple[str, str]:
    """The name of a list for error lines, and its text."""
    if path is None:
        packaged = resources.files("potato") / "assets" / "reflectances.csv"
        return "the packaged list", packaged.read_text("utf-8")
    try:
        return str(path), read_small(Path(path)).decode()
    except OSError as error:
        raise InputError(f"can't read the reflectances in {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected a CSV file in UTF-8, found other bytes: {error}") from error


def load_reflectances(path: PathLike | None = None) -> tuple[Reflectance, ...]:
    """Read a list of reflectances.

    Args:
        path: a CSV file in the format of this module's docstring; None for the packaged list.

    Returns:
        The surfaces in the order of the file, at least one.

    Raises:
        InputError: if the file can't be read or a line is wrong; it names line and column.

    Example:
        >>> snow = next(r for r in load_reflectances() if r.name == "fresh snow")
        >>> snow.kind, snow.pan > 0.9
        ('snow', True)
    """
    where, text = _read(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[str, Reflectance] = {}
    try:
        header = tuple(next(reader, ()))
        if header != COLUMNS:
            raise InputError(
                f"{where}, line 1: expected the header {','.join(COLUMNS)}, "
                f"found {','.join(header) or 'nothing'}"
            )
        for row in reader:
            surface = _surface(row, f"{where}, line {reader.line_num}")
            if surface.name in found:
                raise InputError(
                    f"{where}, line {reader.line_num}, column name: expected a new name, found "
                    f"{surface.name!r} for the second time; rename one of the two"
                )
            found[surface.name] = surface
    except csv.Error as error:
        raise InputError(f"{where}, line {reader.line_num}: not CSV: {error}") from error
    if not found:
        raise InputError(f"{where}: expected at least one surface below the header, found none")
    return tuple(found.values())


def _surface(row: list[str], where: str) -> Reflectance:
    """The surface of a row, which `where` names in error lines."""
    if len(row) != len(COLUMNS):
        raise InputError(
            f"{where}: expected {len(COLUMNS)} columns, found {len(row)}; quote a note that has commas"
        )
    fields = dict(zip(COLUMNS, row, strict=True))
    if not fields["name"].strip():
        raise InputError(f"{where}, column name: expected a name, found nothing")
    if fields["kind"] not in KINDS:
        raise InputError(
            f"{where}, column kind: expected one of {', '.join(KINDS)}, found {fields['kind']!r}"
        )
    values = []
    for column in ("pan", *BASIS.bands):
        text = fields[column]
        if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MAXIMUM):
            raise InputError(
                f"{where}, column {column}: expected a whole number 1..{_MAXIMUM} (reflectance × {SCALE}), "
                f"found {text!r}"
            )
        values.append(int(text) / SCALE)
    return Reflectance(fields["name"], fields["kind"], values[0], tuple(values[1:]), fields["note"])
