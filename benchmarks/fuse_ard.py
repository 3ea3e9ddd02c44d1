"""How fast is `potato fuse-ard` with a process on every core, and what does a tile cost?

Simulates one tile and repeats it as other passes over the same ground. `speed` fuses as many
tiles as there are processes; `tile` is the median time of small tiles in one process, all of it
but the pixels: opening, plan, picture, item, record, checks.

    python benchmarks/fuse_ard.py --json benchmarks/results/fuse_ard.json
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import keep, parser_of
from whole_process import Figures, measure, summarize, told

SMALL = 256
"""Side of a small tile in pan pixels."""


def make_tiles(folder: Path, count: int, size: int) -> None:
    """Simulate one tile and link its images under the CIDs of other passes."""
    make = [sys.executable, "-m", "potato", "make-ard", str(folder), "--tiles", "1", "--size", str(size)]
    subprocess.run([*make, "--no-broken", "-q"], check=True)
    (item,) = folder.glob("ard/[0-9]*/*/*/*.json")
    for number in range(1, count):
        cid = f"{item.stem[:-4]}{number:04X}"
        for file in item.parent.glob(f"{item.stem}*"):
            copy = file.with_name(file.name.replace(item.stem, cid))
            if file.suffix == ".json":
                copy.write_text(file.read_text().replace(item.stem, cid))
            else:
                os.link(file, copy)


def fuse_ard(ard: Path, out: Path, workers: int, *more: str) -> Figures:
    """Fuse an ARD into a new folder; the figures of the whole process."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "potato", "fuse-ard", str(ard), str(out)]
    return measure([*command, "-j", str(workers), "-q", *more])


def tile_seconds(out: Path) -> list[float]:
    """Seconds of each tile, in the order in which they ended."""
    rows = map(json.loads, (out / "manifest.jsonl").read_text().splitlines())
    return [row["seconds"] for row in rows if row.get("state") == "done"]


def main() -> None:
    cores = len(os.sched_getaffinity(0))
    parser = parser_of(__doc__)
    parser.add_argument("--workers", type=int, default=cores, help="processes, and tiles")
    parser.add_argument("--size", type=int, default=4096, help="side of a tile in pan pixels")
    parser.add_argument("--small", type=int, default=16, help="how many small tiles")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--profile", default="tiled")
    parser.add_argument("--folder", help="where to work; default: a temporary folder")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    how = ("--device", options.device, "--profile", options.profile)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        work = Path(name)
        make_tiles(work / "large", options.workers, options.size)
        runs = [fuse_ard(work / "large", work / "out", options.workers, *how) for _ in range(options.rounds)]
        make_tiles(work / "small", options.small, SMALL)
        whole = [fuse_ard(work / "small", work / "out", 1, *how) for _ in range(options.rounds)]
        first, *later = tile_seconds(work / "out")
    speed = summarize(runs, options.workers * options.size**2)
    tile = {
        "milliseconds": 1e3 * statistics.median(later),
        "first_milliseconds": 1e3 * first,
        "start_seconds": statistics.median(run["seconds"] for run in whole) - first - sum(later),
    }
    print(told(f"{options.workers} processes", speed))
    print(
        f"a tile of {SMALL} × {SMALL}: {tile['milliseconds']:.0f} ms, the first {first:.2f} s; "
        f"everything else of the command {tile['start_seconds']:.2f} s"
    )
    if options.json:
        keep(
            options.json,
            workers=options.workers,
            size=options.size,
            small=SMALL,
            device=options.device,
            profile=options.profile,
            speed=speed,
            tile=tile,
        )


if __name__ == "__main__":
    main()
