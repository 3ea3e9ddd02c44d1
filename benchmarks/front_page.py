"""Write the table of README.md: Potato beside others, in speed, memory, errors, sensors, licences.

    python benchmarks/front_page.py    # from benchmarks/results, the card and the table of sensors

Replaces the text between the marks `made` and `/made` of the page. The card is that of the weights.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from made_page import ROOT, filled, largest_pair, load, machine, table
from potato.core.sensor_table import SENSORS

PAGE = ROOT / "README.md"
CARD = ROOT / "src" / "potato" / "assets" / "worldview.json"

UNKNOWN = "–"

SATELLITES = sum(not sensor.name.endswith(("BGRN", "-band")) for sensor in SENSORS)
"""Sensors without the choices of their bands, and without the one of no special satellite."""

ERRORS = {
    "ΔE": ("plain ds1", "ratio"),
    "ΔE, bands displaced": ("displaced 0.35", "ratio"),
    "fringes": ("fringe both", "p99 ratio"),
}
"""The columns of errors: a section of the card's scores for the real pair, and a figure."""


@dataclass(frozen=True)
class Other:
    """A row of the table.

    Attributes:
        name: what it is called there.
        speed: its kind in benchmarks/fuse.py; "" for none.
        method: its row in the scores of the card; "" where its errors are in a file of results.
        file: that file; "" for none.
        sensors: whose pairs it sharpens.
        licence: of its code.
    """

    name: str
    speed: str = ""
    method: str = ""
    file: str = ""
    sensors: str = "any"
    licence: str = UNKNOWN


ROWS = (
    Other("Potato", "cog", "worldview", sensors=f"{SATELLITES}, or any four bands", licence="MIT"),
    Other("GDAL, `gdal_pansharpen.py`", "gdal", "gdal-pansharpen", licence="MIT"),
    Other("OTB, `BundleToPerfectSensor`", "otb", file="others", licence="Apache 2.0"),
    Other("GSA, best of five classical methods", method="gsa"),
    Other("the original Potato", file="original", sensors="WorldView-2, -3"),
)
"""What is compared."""


def page() -> str:
    """The text of README.md with the figures of the files."""
    return filled(PAGE, {"against": against(load("fuse"), json.loads(CARD.read_text("utf-8")))})


def against(fuse: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """The table, and when and where its figures were measured."""
    _, speeds = largest_pair(fuse)
    sections = card["scores"]["sections"]
    rows = []
    for one in ROWS:
        kept = (load(one.file) or {}) if one.file else {}
        kept = kept.get("otb", kept)
        found = speeds.get(one.speed, kept)
        if one.method:
            errors = [sections[f"wv2 {key}"]["rows"][one.method][figure] for key, figure in ERRORS.values()]
        else:
            errors = [kept["ratios"][key] for key, _ in ERRORS.values()]
        rows.append(
            [
                one.name,
                f"{found['mpx_per_second']:.1f} Mpx/s" if "mpx_per_second" in found else UNKNOWN,
                f"{found['peak_mb']:.0f} MB" if "peak_mb" in found else UNKNOWN,
                *(f"{error:.2f}" for error in errors),
                one.sensors,
                one.licence,
            ]
        )
    head = " | ".join([" ", "speed", "memory", *ERRORS, "sensors", "licence"])
    text = f"Measured {fuse['date']}, on {machine(fuse)}, medians of {fuse['rounds']} rounds."
    return f"{table(head, rows)}\n\n{text}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
