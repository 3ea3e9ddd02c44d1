"""How fast is `potato fuse`, as a whole process, compared with GDAL's and OTB's programs?

Generates pairs of several sizes (21 % invalid, DEFLATE), then runs the commands in turns, so that
drifts of the machine's speed affect all alike. 5168 stands for the side of an ARD's tile.

    python benchmarks/fuse.py --json benchmarks/results/fuse.json
    python benchmarks/fuse.py --sizes 17408 --rounds 1 --only tiled,cog  # memory at full tile size
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import keep, parser_of
from whole_process import Figures, fuse_commands, in_turns, summarize, told, without_missing
from whole_process import make_pair as make  # its name here since 0.1, which other scripts import


def compare(runs: dict[str, list[Figures]], size: int) -> dict[str, Any]:
    """Print and return the summary of each kind, and its time relative to GDAL's."""
    print(f"{size} × {size}")
    summary: dict[str, Any] = {}
    for kind, figures in runs.items():
        summary[kind] = summarize(figures, size**2)
        print(told(kind, summary[kind]))
    for kind in runs:
        if kind != "gdal" and "gdal" in runs:
            for what in ("seconds", "cpu_seconds"):
                ratios = [a[what] / b[what] for a, b in zip(runs[kind], runs["gdal"], strict=True)]
                summary[kind][f"{what}_to_gdal"] = statistics.median(ratios)
            print(
                f"{kind}: {summary[kind]['seconds_to_gdal']:.2f} × GDAL's time, "
                f"{summary[kind]['cpu_seconds_to_gdal']:.2f} × its processor seconds"
            )
    return summary


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--sizes", default="8192,5168,512", help="sides of pan in pixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--width", type=int, default=32, help="channels of the network")
    parser.add_argument("--depth", type=int, default=4, help="layers of the network")
    parser.add_argument("--weights", help="a checkpoint instead of random weights")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", default="tiled,cog,gdal,otb", help="which of tiled, cog, flat, gdal, otb")
    parser.add_argument("--folder", help="where to work; default: a temporary folder")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    kinds = without_missing(options.only.split(","))
    sizes = {}
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            make(folder, size, options.width, options.depth)
            commands = fuse_commands(folder, options.weights, ("--device", options.device))
            runs = in_turns({kind: commands[kind] for kind in kinds}, options.rounds)
        sizes[size] = {"summary": compare(runs, size), "runs": runs}
    if options.json:
        keep(
            options.json,
            rounds=options.rounds,
            device=options.device,
            network={"width": options.width, "depth": options.depth},
            sizes=sizes,
        )


if __name__ == "__main__":
    sys.exit(main())
