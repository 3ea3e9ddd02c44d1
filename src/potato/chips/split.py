"""Which ground a chip shows, and splitting chips so that none is in both parts."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import combinations
from pathlib import Path
from typing import Any

from potato.errors import ChipError

DEGREE = 111_320.0
"""Metres of a degree of latitude."""

Row = Mapping[str, Any]
Box = tuple[float, float, float, float]
Chips = Sequence[tuple[Path, Sequence[int], Mapping[int, Row]]]
"""Sources: a folder, the numbers of its chips, and their lines of the manifest."""


def ground_of(row: Row) -> str | None:
    """A name for the ground of a chip: its cell of the ARD grid; None if its line doesn't say.

    Invented chips have ground of their own, each another.
    """
    if row.get("quadkey"):
        return f"{row.get('zone')}/{row['quadkey']}"
    return f"invented {row['digest']}" if row.get("synthetic") and "digest" in row else None


def split_by_ground(sources: Chips, share: float) -> set[tuple[int, int]]:
    """Choose chips for training: about `share` of them, and no ground that the rest show too.

    Ground goes to the test in the order of its name, whenever the test is due for more, so that
    both parts are spread over all of it.

    Args:
        sources: what to split.
        share: of the chips that go to training.

    Returns:
        (place of its source, number) of each chip for training.

    Raises:
        ChipError: if the ground of a chip isn't known, or all is one ground.
    """
    grounds: dict[str, list[tuple[int, int]]] = defaultdict(list)
    boxes: dict[str, Box] = {}
    for k, (folder, numbers, rows) in enumerate(sources):
        for n in sorted(numbers):
            name = ground_of(rows[n])
            if name is None:
                raise ChipError(
                    f"{folder / f'{n}.pt'}: expected a line in the manifest that tells its ground, "
                    "found none; such chips can't be split"
                )
            grounds[name].append((k, n))
            box = _box(rows[n])
            if box:
                boxes[name] = _around(boxes.get(name, box), box)
    groups = _joined(sorted(grounds), boxes)
    if len(groups) < 2:
        raise ChipError("expected chips of two cells or more to split, found that all show the same ground")
    members = [[chip for name in group for chip in grounds[name]] for group in groups]
    test: list[int] = []
    due, have = 0.0, 0
    for index, group in enumerate(members):
        due += (1 - share) * len(group)
        if due - have >= len(group) / 2 and len(test) < len(groups) - 1:
            test.append(index)
            have += len(group)
    if not test:
        test = [min(range(len(members)), key=lambda index: abs(len(members[index]) - due))]
    return {chip for index, group in enumerate(members) if index not in set(test) for chip in group}


def _box(row: Row) -> Box | None:
    """West, south, east, north of a chip in degrees, as its line tells."""
    try:
        lon, lat, metres = (float(row[name]) for name in ("lon", "lat", "metres"))
    except (KeyError, TypeError, ValueError):
        return None
    down = metres / 2 / DEGREE
    across = down / max(0.01, math.cos(math.radians(lat)))
    return lon - across, lat - down, lon + across, lat + down


def _meet(first: Box, second: Box) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _around(first: Box, second: Box) -> Box:
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def _joined(names: list[str], boxes: Mapping[str, Box]) -> list[list[str]]:
    """Names in groups that share no ground: cells of one zone never do, those of two zones may."""
    group = {name: name for name in names}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    zones: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if name in boxes:
            zones[name.split("/")[0]].append(name)
    extents = {zone: reduce(_around, (boxes[name] for name in inside)) for zone, inside in zones.items()}
    for one, other in combinations(sorted(zones), 2):
        near = [name for name in zones[other] if _meet(boxes[name], extents[one])]
        for first in zones[one] if near else ():
            for second in near:
                if _meet(boxes[first], boxes[second]):
                    group[root(second)] = root(first)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[root(name)].append(name)
    return list(groups.values())
