"""How fast does `potato make-chips` cut full-size chips, as a whole process?

Generates an ARD of tiles of 5168 × 5168 pan pixels (DEFLATE, mask bands), then cuts chips out of
it: each reads 4096² pixels of pan and 1024² × 8 of mul.

    python benchmarks/chips.py --rounds 3 --json benchmarks/results/chips.json
    python benchmarks/chips.py --rounds 1 --ard ards/italy23
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import keep, parser_of

TILES = 2
SIDE = 5168


def measure(ard: str, folder: Path, count: int, workers: int) -> dict[str, float]:
    """Cut chips into a new folder; wall and processor seconds, peak memory in MB."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "potato", "make-chips", "--ard-dir", ard, "--chip-dir", str(folder)]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "-n", str(count), "-j", str(workers), "-q"])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit("make-chips failed")
    # The time between the first chip and the last leaves out the start.
    times = sorted(path.stat().st_mtime for path in folder.glob("*.pt"))
    return {
        "seconds": seconds,
        "chips_per_second": count / seconds,
        "chips_per_second_running": (count - 1) / (times[-1] - times[0]),
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--count", type=int, default=64, help="chips a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ard", help="an ARD to cut from instead of a generated one")
    parser.add_argument("--folder", help="where to work; default: a temporary folder")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        ard = options.ard or str(Path(name) / "ard")
        if not options.ard:
            # A process of its own: a child's peak memory starts at its parent's size.
            make = [sys.executable, "-m", "potato", "make-ard", ard, "--tiles", str(TILES)]
            subprocess.run([*make, "--size", str(SIDE), "--no-broken", "-q"], check=True)
        runs = []
        for turn in range(options.rounds + 1):
            figures = measure(ard, Path(name) / "chips", options.count, options.workers)
            if turn:  # the first round warms up
                runs.append(figures)
    summary = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    speeds = [run["chips_per_second"] for run in runs]
    summary["chips_per_second_range"] = [min(speeds), max(speeds)]
    print(
        f"{summary['chips_per_second']:.2f} chips/s ({min(speeds):.2f}–{max(speeds):.2f}), "
        f"{summary['chips_per_second_running']:.2f} without starting up; "
        f"{summary['cpu_seconds'] / options.count:.2f} processor seconds a chip, "
        f"peak {summary['peak_mb']:.0f} MB, {options.workers} workers"
    )
    if options.json:
        keep(
            options.json,
            ard=options.ard or f"generated, {TILES} tiles of {SIDE} × {SIDE}",
            chips=options.count,
            workers=options.workers,
            summary=summary,
            runs=runs,
        )


if __name__ == "__main__":
    main()
