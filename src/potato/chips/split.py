"""Splitting chips into training and test so that no ground is in both."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import combinations

from potato.ard.grid import intersect, union
from potato.chips.folder import ChipRow, ChipSource
from potato.errors import ChipError
from potato.raster.coordinates import METRES_PER_DEGREE, Box


def ground_of(row: ChipRow) -> str | None:
    """A name for the ground of a chip: its grid square; None if its row doesn't say.

    A fake chip, or one of a simulated scene, has ground of its own.
    """
    if row.get("quadkey"):
        return f"{row.get('zone')}/{row['quadkey']}"
    return f"fake {row['digest']}" if row.get("synthetic") and "digest" in row else None


def split_by_ground(sources: Sequence[ChipSource], share: float) -> set[tuple[int, int]]:
    """Choose chips for training: about `share` of them, with no ground that the others show too.

    Ground goes to the test in the order of its name, whenever the test has too few chips, so that
    both parts are spread over all of the ground.

    Args:
        sources: the chips to split.
        share: of the chips that go to training.

    Returns:
        (place of its source, number) of each chip for training.

    Raises:
        ChipError: if the ground of a chip isn't known, or all chips show the same ground.
    """
    grounds: dict[str, list[tuple[int, int]]] = defaultdict(list)
    boxes: dict[str, Box] = {}
    for k, source in enumerate(sources):
        for n in sorted(source.numbers):
            name = ground_of(source.rows[n])
            if name is None:
                raise ChipError(
                    f"{source.target(n)}: expected a line in the manifest with its ground, "
                    "found none; such chips can't be split"
                )
            grounds[name].append((k, n))
            box = _box(source.rows[n])
            if box:
                boxes[name] = union(boxes.get(name, box), box)
    groups = _connected(sorted(grounds), boxes)
    if len(groups) < 2:
        raise ChipError(
            "expected chips of two grid squares or more to split, found that all show the same ground"
        )
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


def _box(row: ChipRow) -> Box | None:
    """West, south, east, north of a chip in degrees; None if its row doesn't say."""
    try:
        lon, lat, metres = (float(row[name]) for name in ("lon", "lat", "metres"))
    except (KeyError, TypeError, ValueError):
        return None
    down = metres / 2 / METRES_PER_DEGREE
    across = down / max(0.01, math.cos(math.radians(lat)))
    return lon - across, lat - down, lon + across, lat + down


def _connected(names: list[str], boxes: Mapping[str, Box]) -> list[list[str]]:
    """Names in groups that share no ground: grid squares of one zone never do, of two zones may."""
    group = {name: name for name in names}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    zones: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if name in boxes:
            zones[name.split("/")[0]].append(name)
    extents = {zone: reduce(union, (boxes[name] for name in inside)) for zone, inside in zones.items()}
    for one, other in combinations(sorted(zones), 2):
        near = [name for name in zones[other] if intersect(boxes[name], extents[one])]
        for first in zones[one] if near else ():
            for second in near:
                if intersect(boxes[first], boxes[second]):
                    group[root(second)] = root(first)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[root(name)].append(name)
    return list(groups.values())
