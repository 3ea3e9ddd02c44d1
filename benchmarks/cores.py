"""Does `potato fuse` grow faster with every core that it gets?

Sharpens one pair on 1, 2, 4, … pinned cores, with `gdal_pansharpen.py` beside it, in turns. The
curve must rise or stay flat: the exit code is 3 if more cores are more than 5 % slower.

    python benchmarks/cores.py --json benchmarks/results/cores.json
    python benchmarks/speed_page.py    # draws the curve into docs/images/cores.svg
"""

import itertools
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import keep, parser_of
from whole_process import fuse_commands, in_turns, make_pair, summarize, told, without_missing

FALL = 0.05
"""Share of the speed that may be lost to noise."""


def counts(cores: int) -> list[int]:
    """1, 2, 4, … and the number of cores itself."""
    powers = itertools.takewhile(lambda count: count < cores, (2**power for power in itertools.count()))
    return [*powers, cores]


def falls(curve: list[tuple[int, float]]) -> list[str]:
    """Where a curve of speed by number of cores falls, in words."""
    found = []
    best_cores, best = curve[0]
    for cores, speed in curve[1:]:
        if speed < (1 - FALL) * best:
            found.append(f"{speed:.1f} Mpx/s on {cores} cores, {best:.1f} on {best_cores}")
        if speed > best:
            best_cores, best = cores, speed
    return found


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--size", type=int, default=8192, help="side of pan in pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", help="a checkpoint instead of random weights")
    parser.add_argument("--cores", help="numbers of cores, such as 1,2,4; default: up to all")
    parser.add_argument("--only", default="tiled,cog,gdal", help="which of tiled, cog, flat, gdal")
    parser.add_argument("--pair", type=Path, help="a folder with a pair; default: make one of --size")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    kinds, available = without_missing(options.only.split(",")), sorted(os.sched_getaffinity(0))
    steps = [int(each) for each in options.cores.split(",")] if options.cores else counts(len(available))
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as name:
        folder = options.pair or Path(name)
        if not options.pair:
            make_pair(folder, options.size)
        commands = fuse_commands(folder, options.weights)
        for step in steps:
            chosen = {kind: commands[kind] for kind in kinds}
            for kind, figures in in_turns(chosen, options.rounds, cores=available[:step]).items():
                summary = summarize(figures, options.size**2)
                found[kind].append({"cores": step, **summary})
                print(told(f"{kind} on {step}", summary), flush=True)
    if options.json:
        keep(options.json, size=options.size, rounds=options.rounds, curves=found)
    bad = [
        f"{kind}: {fall}"
        for kind, curve in found.items()
        if kind != "gdal"
        for fall in falls([(each["cores"], each["mpx_per_second"]) for each in curve])
    ]
    print("\n".join(bad) or "the curves rise or stay flat")
    return 3 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
