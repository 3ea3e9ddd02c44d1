"""Pages of the docs whose figures scripts write, between the marks `made: NAME` and `/made`."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
UNKNOWN = "Not measured yet."


def load(name: str, results: Path = RESULTS) -> dict[str, Any] | None:
    """The figures of a benchmark; None if there are none."""
    path = results / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def largest_pair(fuse: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """The side of the largest pair of benchmarks/fuse.py, and its summary."""
    side = max(fuse["sizes"], key=int)
    return int(side), fuse["sizes"][side]["summary"]


def machine(kept: Mapping[str, Any]) -> str:
    """The machine of a benchmark, in words."""
    return f"an {kept['machine']['processor']} with {kept['machine']['cores']} cores"


def core(kept: Mapping[str, Any]) -> str:
    """The machine of a benchmark that used one core, in words."""
    return f"one core of an {kept['machine']['processor']}"


def table(head: str, rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; `head` has a bar between its columns."""
    names = head.split("|")
    lines = [f"| {' | '.join(name.strip() for name in names)} |", "|" + "---|" * len(names)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def filled(page: Path, blocks: Mapping[str, str]) -> str:
    """The text of a page with these blocks between its marks."""
    left = dict(blocks)

    def fill(found: re.Match[str]) -> str:
        return f"{found[1]}\n{left.pop(found[2])}\n{found[3]}"

    text = re.sub(r"(<!-- made: (\w+) -->)\n.*?(<!-- /made -->)", fill, page.read_text(), flags=re.DOTALL)
    assert not left, f"{page.name} has no place for {', '.join(left)}"
    return text
