"""Write the tables of docs/model-card.md from the cards of the shipped weights.

    python runs/card_page.py

Replaces what lies between the marks `made` and `/made` of the page.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import aims
from potato.model.model import Architecture
from score_tables import markdown, sections_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "model-card.md"
CARDS = ROOT / "src" / "potato" / "assets"

BLOCKS = {"pairs": "real pairs", "sensors": "sensors", "scenes": "scenes by kind"}
"""Tables of scores by their marks in the page, beside the mark `aims`."""

# Pages whose figures come from benchmarks are written by its module.
sys.path.append(str(ROOT / "benchmarks"))


def read_cards() -> list[dict[str, Any]]:
    """The cards of the shipped weights."""
    cards = (path.with_suffix(".json") for path in sorted(CARDS.glob("*.safetensors")))
    return [json.loads(card.read_text("utf-8")) for card in cards]


def page(cards: Iterable[Mapping[str, Any]]) -> str:
    """The text of the page with the tables of these cards."""
    from made_page import filled

    blocks: dict[str, list[str]] = {name: [] for name in ("aims", *BLOCKS)}
    for card in cards:
        sections = sections_of(card["scores"]) if card["scores"] else {}
        tables = {key: section.rows for key, section in sections.items()}
        found = aims.markdown(tables, Architecture(**card["architecture"]).bands)
        blocks["aims"].append(f"**Aims of {card['name']}**\n\n{found}")
        for name, key in BLOCKS.items():
            if key in sections:
                section = sections[key]
                blocks[name].append(markdown(replace(section, title=f"{card['name']}: {section.title}")))
    return filled(PAGE, {name: "\n\n".join(parts) for name, parts in blocks.items()})


def write_page() -> None:
    """Write the page."""
    PAGE.write_text(page(read_cards()), "utf-8")


if __name__ == "__main__":
    write_page()
