"""Pools of chips: links into several folders, mixed fairly, and split into training and test."""

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from potato.chips.folder import MANIFEST, ChipRow, ChipSource, chip_numbers, manifest_rows
from potato.chips.placement import GOLDEN
from potato.chips.split import split_by_ground
from potato.core.types import PathLike
from potato.errors import ChipError, InputError
from potato.raster.atomic import whole_folder, write_whole
from potato.raster.json_lines import json_line
from potato.raster.output_files import check_folder, new_folder
from potato.raster.untrusted import read_small

TRAIN, TEST = "train", "test"
"""Folders that a split makes. Pools beside each other with these in their names share no chip."""


@dataclass(frozen=True)
class LinkedChips:
    """The result of `link_chips`.

    Attributes:
        pools: number of chips of each source, by pool.
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
    sources: Sequence[PathLike],
    chip_dir: PathLike,
    *,
    weights: Mapping[str, Fraction | float] | None = None,
    relative: bool = False,
    split: float | None = None,
    apart_from: Iterable[PathLike] = (),
) -> LinkedChips:
    """Mix chips of several folders into a pool of numbered symlinks.

    The order is deterministic and fair: among the first n links, for every n, each source has its
    share to within one chip, and its chips come from everywhere in it. The pool is whole or absent.

    Args:
        sources: folders of chips.
        chip_dir: the pool; must be new or empty, unless it is just the pool that is asked for.
        weights: shares of the pool, between 0 and 1, by source; only so many chips of these sources
            are taken. The others are taken whole.
        relative: whether links start from the pool's folder rather than from the root.
        split: share of the chips that go to `chip_dir/train`; the rest go to `chip_dir/test`. No
            ground is in both: chips of one grid square stay together, whatever their CID, and so do
            grid squares of two zones that overlap.
        apart_from: pools that must not share a chip with this one. If the name of this pool has
            `train` in it, pools beside it with `test` in their names always count as such, and the
            other way round.

    Raises:
        InputError: if a weight or `split` isn't between 0 and 1, or no source is without a weight.
        ChipError: if a source can't be used, a weight can't be reached, or a chip is in another
            pool.
        OutputExists: if there is something in the pool already.
        OutputError: if the pool can't be written.
    """
    if split is not None and not 0 < split < 1:
        raise InputError(f"expected a share for training between 0 and 1, found {split}")
    pool = Path(os.path.realpath(check_folder(chip_dir)))
    folders = [Path(source) for source in sources]
    found = [_open_source(folder) for folder in folders]
    real = [os.path.realpath(folder) for folder in folders]
    twice = [folder for folder, count in Counter(real).items() if count > 1]
    if not found or twice:
        raise ChipError(
            f"expected different folders of chips, found {twice[0] + ' twice' if twice else 'none'}"
        )
    shares = _shares(folders, real, weights or {})
    if split is None:
        parts = {"": found}
    else:
        train = split_by_ground(found, split)
        parts = {
            name: [
                replace(one, numbers=tuple(n for n in one.numbers if ((k, n) in train) == (name == TRAIN)))
                for k, one in enumerate(found)
            ]
            for name in (TRAIN, TEST)
        }
    taken = {name: _weighted(part, shares) for name, part in parts.items()}
    _keep_apart(pool, [source for part in taken.values() for source in part], apart_from)
    links = {name: _link(pool / name, part, relative) for name, part in taken.items()}
    # A run that was killed at its very end, and is repeated, finds its work done.
    if not all(_is_there(pool / name, wanted) for name, wanted in links.items()):
        new_folder(pool)
        with whole_folder(pool) as growing:
            for name, wanted in links.items():
                _write_pool(growing / name, wanted)
    return LinkedChips(
        {
            Path(chip_dir) / name: {str(one.folder): len(one.numbers) for one in part}
            for name, part in taken.items()
        }
    )


def golden_order(numbers: Sequence[int]) -> list[int]:
    """Shuffle numbers so that the first n, for every n, come from everywhere.

    Example:
        >>> golden_order(range(8))
        [4, 1, 6, 3, 0, 5, 2, 7]
    """
    places = {n: (place + 1) * GOLDEN % (1 << 64) for place, n in enumerate(numbers)}
    return sorted(numbers, key=places.__getitem__)


def fair_order(counts: Sequence[int]) -> list[int]:
    """An order of sources in which each has its share, to within 1, after any number of turns.

    Of the sources that may come next, the most urgent one does. Source: R. Tijdeman, "The chairman
    assignment problem", Discrete Mathematics 32 (1980).

    Args:
        counts: how many each source gives in all.

    Returns:
        Indexes of sources; source k comes counts[k] times.

    Example:
        >>> fair_order([4, 2])
        [0, 1, 0, 0, 1, 0]
    """
    total, given = sum(counts), [0] * len(counts)
    active = [source for source, count in enumerate(counts) if count]
    slack = max(1, 2 * len(active) - 2)
    order = []
    for turn in range(1, total + 1):
        # Chips that each source lacks after this turn, times `total`.
        lacks = {source: counts[source] * turn - given[source] * total for source in active}
        able = [source for source in active if lacks[source] * slack >= total]
        chosen = min(able, key=lambda source: (total * (slack - 1) - lacks[source] * slack) / counts[source])
        given[chosen] += 1
        order.append(chosen)
    return order


def _open_source(folder: Path) -> ChipSource:
    if not folder.is_dir():
        raise ChipError(f"{folder}: expected a folder of chips, found none")
    numbers, rows = chip_numbers(folder), manifest_rows(folder)
    if not numbers:
        raise ChipError(f"{folder}: expected chips (0.pt, 1.pt, …), found none")
    for n in numbers:
        if not (folder / f"{n}.pt").is_file():
            raise ChipError(
                f"{folder / f'{n}.pt'}: expected a chip, found a folder, a pipe or a link that leads nowhere"
            )
    return ChipSource(folder, tuple(golden_order(numbers)), {n: rows.get(n, {}) for n in numbers})


def _shares(
    folders: list[Path], real: list[str], weights: Mapping[str, Fraction | float]
) -> list[Fraction | None]:
    """The share of each source; None for a source that is taken whole."""
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
            "expected weights that leave room for a source without one, found weights of "
            f"{'every source' if None not in shares else 'all of the pool'}; leave one out"
        )
    return shares


def _weighted(sources: list[ChipSource], shares: list[Fraction | None]) -> list[ChipSource]:
    """Sources reduced to their shares."""
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
        raise ChipError("expected chips for the pool, found none left; give more sources")
    return result


def _keep_apart(pool: Path, sources: list[ChipSource], named: Iterable[PathLike]) -> None:
    """Refuse chips that are also in a pool of `named`, or in a counterpart beside this pool."""
    others = {Path(os.path.realpath(name)): str(name) for name in named}
    for path in others:
        if not path.is_dir():
            raise ChipError(f"{others[path]}: expected a pool to keep apart from, found none")
    name = pool.name.lower()
    counterpart = TEST if TRAIN in name else TRAIN if TEST in name else None
    if counterpart and pool.parent.is_dir():
        beside = [one for one in pool.parent.iterdir() if counterpart in one.name.lower() and one.is_dir()]
        others |= {one: str(one) for one in beside if one != pool and not one.name.startswith(".")}
    files: dict[str, str] = {}
    digests: dict[str, str] = {}
    for other, name in others.items():
        rows = manifest_rows(other)
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


def _link(pool: Path, sources: list[ChipSource], relative: bool) -> dict[Path, ChipRow]:
    """The target of each link of a pool, and its row of the manifest, in their order."""
    waiting = [iter(source.numbers) for source in sources]
    starts = [
        Path(os.path.relpath(os.path.realpath(source.folder), pool)) if relative else source.folder.absolute()
        for source in sources
    ]
    links = {}
    for n, k in enumerate(fair_order([len(source.numbers) for source in sources])):
        origin = next(waiting[k])
        place = {"n": n, "source": sources[k].folder.name, "source_n": origin}
        links[starts[k] / f"{origin}.pt"] = place | sources[k].rows[origin] | place
    return links


def _manifest(links: Mapping[Path, ChipRow]) -> str:
    return "".join(map(json_line, links.values()))


def _is_there(pool: Path, links: Mapping[Path, ChipRow]) -> bool:
    """Whether a folder holds a pool just as it would be made."""
    try:
        # Windows puts this before absolute names.
        read = (str((pool / f"{n}.pt").readlink()) for n in range(len(links)))
        found = [Path(name.removeprefix("\\\\?\\")) for name in read]
        wanted = _manifest(links).encode()
        text = read_small(pool / MANIFEST, len(wanted))
        return (found, text, len(list(pool.iterdir()))) == ([*links], wanted, len(links) + 1)
    except (InputError, OSError):
        return False


def _write_pool(folder: Path, links: Mapping[Path, ChipRow]) -> None:
    folder.mkdir(exist_ok=True)
    for n, target in enumerate(links):
        (folder / f"{n}.pt").symlink_to(target)
    write_whole(folder / MANIFEST, _manifest(links))
