"""Write the table of README.md: Potato beside others, in speed, memory and errors.

    python benchmarks/front_page.py    # from benchmarks/results/fuse.json and the card

Replaces the text between the marks `made` and `/made` of the page. The card is that of the weights.
"""

import json
from collections.abc import Mapping
from typing import Any

from made_page import ROOT, filled, largest_pair, load, machine, table

PAGE = ROOT / "README.md"
CARD = ROOT / "src" / "potato" / "assets" / "worldview.json"

ROWS = {
    "Potato": ("cog", "worldview"),
    "`gdal_pansharpen.py`": ("gdal", "gdal-pansharpen"),
    "GSA, the best of five classical methods here": (None, "gsa"),
    "Colour, enlarged": (None, "bicubic"),
}
"""What is compared: its name in the benchmark of speed, and in the scores of the card."""

ERRORS = {
    "ΔE, coarser pair": ("wv2 plain ds1", "mean"),
    "ΔE, bands displaced": ("wv2 displaced 0.35", "mean"),
    "fringes": ("wv2 fringe both", "mean"),
}
"""The columns of errors: a section of the card's scores, and a figure."""


def page() -> str:
    """The text of README.md with the figures of the files."""
    return filled(PAGE, {"against": against(load("fuse"), json.loads(CARD.read_text("utf-8")))})


def against(fuse: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """The table, and when and where its figures were measured."""
    side, speeds = largest_pair(fuse)
    sections = card["scores"]["sections"]
    rows = []
    for name, (speed, method) in ROWS.items():
        found = speeds.get(speed)
        times = [f"{found['seconds_median']:.1f} s", f"{found['peak_mb']:.0f} MB"] if found else ["–", "–"]
        errors = [f"{sections[section]['rows'][method][key]:.2f}" for section, key in ERRORS.values()]
        rows.append([name, *times, *errors])
    head = " | ".join([" ", f"{side}² pixels of pan", "memory", *ERRORS])
    text = f"Speed: {fuse['date']}, {machine(fuse)}, medians of {fuse['rounds']} rounds."
    return f"{table(head, rows)}\n\n{text}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
