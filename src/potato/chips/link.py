"""Pools: chips of several folders mixed into one by links, and split into training and test by ground."""

import json
import math
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from potato.chips.folder import MANIFEST, chip_numbers, read_manifest
from potato.chips.placement import GOLDEN
from potato.chips.split import split_by_ground
from potato.errors import ChipError, InputError, OutputError, OutputExists

TRAIN, TEST = "train", "test"
"""Folders that a split makes; a pool whose name has one of these is kept apart from those with the
other."""


@dataclass(frozen=True)
class Source:
    """A folder of chips as it goes into a pool.

    Attributes:
        folder: as it was named.
        numbers: of the chips to take, in the order to take them.
        rows: what its manifest tells of them.
    """

    folder: Path
    numbers: tuple[int, ...]
    rows: Mapping[int, dict[str, Any]]

    def target(self, n: int) -> Path:
        """The file of chip `n`."""
        return self.folder / f"{n}.pt"


@dataclass(frozen=True)
class LinkedChips:
    """What `link_chips` did.

    Attributes:
        pools: how many chips of each source each pool has.
    """

    pools: dict[Path, dict[str, int]]

    def __str__(self) -> str:
        """A line for each pool."""
        return "\n".join(
            f"{pool}: {sum(counts.values())} chips ("
            + ", ".join(f"{count} of {source}" for source, count in counts.items())
            + ")"
            for pool, counts in self.pools.items()
        )


def link_chips(
    sources: Sequence[str | os.PathLike[str]],
    chip_dir: str | os.PathLike[str],
    *,
    weights: Mapping[str, Fraction | float] | None = None,
    relative: bool = False,
    split: float | None = None,
    apart_from: Iterable[str | os.PathLike[str]] = (),
) -> LinkedChips:
    """Mix chips of several folders into a pool of numbered symlinks.

    The order is deterministic and fair: among the first n links, whatever n, each source has its
    due to within one chip, and its chips are spread over all of it. The pool is there whole or not
    at all.

    Args:
        sources: folders of chips.
        chip_dir: the pool; must be new or empty.
        weights: shares of the pool, 0..1, that some of the sources make up; only so many of their
            chips are taken. The others are taken whole.
        relative: whether links tell the way from the pool, rather than from the root.
        split: share of the chips that go to `chip_dir/train`; the rest go to `chip_dir/test`. No
            ground is in both: chips of one cell of the ARD grid stay together, whatever their CID,
                and so do cells
            of two zones that overlap.
        apart_from: pools that must not share a chip with this one. If the name of this pool has
            `train` in it, that goes without saying for pools beside it with `test` in theirs, and
            the other way round.

    Raises:
        InputError: if a number makes no sense.
        ChipError: if a source can't be used, a weight can't be reached, or a chip is in both pools.
        OutputExists: if there is something in the pool already.
        OutputError: if it can't be written.
    """
    if split is not None and not 0 < split < 1:
        raise InputError(f"expected a share for training between 0 and 1, found {split}")
    folders = [Path(source) for source in sources]
    found = [_open_source(folder) for folder in folders]
    real = [os.path.realpath(folder) for folder in folders]
    twice = [folder for folder, count in Counter(real).items() if count > 1]
    if not found or twice:
        raise ChipError(
            f"expected different folders of chips, found {twice[0] + ' twice' if twice else 'none'}"
        )
    pool = Path(os.path.realpath(chip_dir))
    if pool.exists() and (not pool.is_dir() or any(pool.iterdir())):
        raise OutputExists(
            f"{chip_dir}: expected a new or empty folder, found something there; choose another"
        )
    shares = _shares(folders, real, weights or {})
    if split is None:
        parts = {"": found}
    else:
        train = split_by_ground([(one.folder, one.numbers, one.rows) for one in found], split)
        parts = {
            name: [
                replace(one, numbers=tuple(n for n in one.numbers if ((k, n) in train) == (name == TRAIN)))
                for k, one in enumerate(found)
            ]
            for name in (TRAIN, TEST)
        }
    taken = {name: _weighted(part, shares) for name, part in parts.items()}
    _keep_apart(pool, [source for part in taken.values() for source in part], apart_from)
    try:
        pool.parent.mkdir(parents=True, exist_ok=True)
        hidden = tempfile.mkdtemp(prefix=f".{pool.name}.", suffix=".partial", dir=pool.parent)
        try:
            growing = Path(hidden) / pool.name
            for name, part in taken.items():
                _write_pool(growing / name, pool / name, part, relative)
            growing.rename(pool)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{chip_dir}: can't write there: {error.strerror or error}") from error
    return LinkedChips(
        {
            Path(chip_dir) / name: {str(one.folder): len(one.numbers) for one in part}
            for name, part in taken.items()
        }
    )


def golden_order(numbers: Sequence[int]) -> list[int]:
    """The same numbers, shuffled so that however few are taken from the front, they come from everywhere.

    Example:
        >>> golden_order(range(8))
        [4, 1, 6, 3, 0, 5, 2, 7]
    """
    places = {n: (place + 1) * GOLDEN % (1 << 64) for place, n in enumerate(numbers)}
    return sorted(numbers, key=places.__getitem__)


def fair_order(counts: Sequence[int]) -> list[int]:
    """An order in which to take from several sources: after any n, each has given its share, to within 1.

    R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980): of those whose
    turn it may be, the one whose turn can wait least.

    Args:
        counts: how many each source gives in all.

    Returns:
        Indexes of sources, as many as all give.

    Example:
        >>> fair_order([4, 2])
        [0, 1, 0, 0, 1, 0]
    """
    total, given = sum(counts), [0] * len(counts)
    active = [source for source, count in enumerate(counts) if count]
    slack = max(1, 2 * len(active) - 2)
    order = []
    for turn in range(1, total + 1):
        # How much each source lacks after this turn, in units of 1/total of a chip.
        lacks = {source: counts[source] * turn - given[source] * total for source in active}
        able = [source for source in active if lacks[source] * slack >= total]
        chosen = min(able, key=lambda source: (total * (slack - 1) - lacks[source] * slack) / counts[source])
        given[chosen] += 1
        order.append(chosen)
    return order


def _open_source(folder: Path) -> Source:
    if not folder.is_dir():
        raise ChipError(f"{folder}: expected a folder of chips, found none")
    numbers, rows = chip_numbers(folder), read_manifest(folder)
    if not numbers:
        raise ChipError(f"{folder}: expected chips (0.pt, 1.pt, …), found none")
    for n in numbers:
        if not (folder / f"{n}.pt").is_file():
            raise ChipError(f"{folder / f'{n}.pt'}: expected a chip, found a link that leads nowhere")
    return Source(folder, tuple(golden_order(numbers)), {n: rows.get(n, {}) for n in numbers})


def _shares(
    folders: list[Path], real: list[str], weights: Mapping[str, Fraction | float]
) -> list[Fraction | None]:
    """The share that each source is to have; None for those that are taken whole."""
    shares: list[Fraction | None] = [None] * len(folders)
    for name, weight in weights.items():
        share = Fraction(weight).limit_denominator(1_000_000)
        if not 0 < share < 1:
            raise InputError(f"expected a weight between 0 and 1, such as {name}=1/32, found {name}={weight}")
        if os.path.realpath(name) not in real:
            raise InputError(f"expected the weight of one of the sources, found one of {name}")
        shares[real.index(os.path.realpath(name))] = share
    if sum(share or 0 for share in shares) >= 1 or None not in shares:
        raise InputError(
            "expected weights that leave room for a source without one, found that they are for "
            f"{'every source' if None not in shares else 'all of the pool'}; leave one out"
        )
    return shares


def _weighted(sources: list[Source], shares: list[Fraction | None]) -> list[Source]:
    """Sources cut to their shares."""
    whole = sum(len(source.numbers) for source, share in zip(sources, shares, strict=True) if share is None)
    total = whole / (1 - sum((share for share in shares if share is not None), Fraction(0)))
    result = []
    for source, share in zip(sources, shares, strict=True):
        count = len(source.numbers) if share is None else round(total * share)
        if count > len(source.numbers):
            others = sum((one for one in shares if one is not None), Fraction(0)) - (share or 0)
            most = len(source.numbers) * (1 - others) / (whole + len(source.numbers))
            raise ChipError(
                f"{source.folder}: expected {count} chips, which is {share} of the pool, found "
                f"{len(source.numbers)}; make more, or give it {math.floor(most * 10_000) / 10_000} at most"
            )
        result.append(replace(source, numbers=source.numbers[:count]))
    if not any(source.numbers for source in result):
        raise ChipError("expected chips for the pool, found that none are left; give more sources")
    return result


def _keep_apart(pool: Path, sources: list[Source], named: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse a pool that has a chip of another."""
    others = {Path(os.path.realpath(name)): str(name) for name in named}
    for path in others:
        if not path.is_dir():
            raise ChipError(f"{others[path]}: expected a pool to keep apart from, found none")
    role = next((word for word in (TRAIN, TEST) if word in pool.name.lower()), None)
    rival = {TRAIN: TEST, TEST: TRAIN, None: None}[role]
    if rival and pool.parent.is_dir():
        beside = [one for one in pool.parent.iterdir() if rival in one.name.lower() and one.is_dir()]
        others |= {one: str(one) for one in beside if one != pool and not one.name.startswith(".")}
    files: dict[str, str] = {}
    digests: dict[str, str] = {}
    for other, name in others.items():
        rows = read_manifest(other)
        for n in chip_numbers(other):
            files[os.path.realpath(other / f"{n}.pt")] = f"{name}/{n}.pt"
            if "digest" in rows.get(n, {}):
                digests[rows[n]["digest"]] = f"{name}/{n}.pt"
    for source in sources if files else ():
        for n in source.numbers:
            there = files.get(os.path.realpath(source.target(n))) or digests.get(
                source.rows[n].get("digest", "")
            )
            if there:
                raise ChipError(
                    f"{source.target(n)}: expected chips that aren't in the other pool, but this is {there}; "
                    "let --split make both pools"
                )


def _write_pool(folder: Path, final: Path, sources: list[Source], relative: bool) -> None:
    folder.mkdir(parents=True)
    waiting = [iter(source.numbers) for source in sources]
    starts = [
        os.path.relpath(os.path.realpath(source.folder), final) if relative else source.folder.absolute()
        for source in sources
    ]
    with (folder / MANIFEST).open("w", encoding="utf-8") as manifest:
        for n, k in enumerate(fair_order([len(source.numbers) for source in sources])):
            origin = next(waiting[k])
            (folder / f"{n}.pt").symlink_to(Path(starts[k]) / f"{origin}.pt")
            place = {"n": n, "source": sources[k].folder.name, "source_n": origin}
            row = place | {
                name: value for name, value in sources[k].rows[origin].items() if name not in place
            }
            manifest.write(json.dumps(row, ensure_ascii=False) + "\n")
