"""How does the speed of fuse-ard grow with its workers, and what does a distant store cost?

    python benchmarks/scale.py workers --json benchmarks/results/workers.json
    python benchmarks/scale.py store --json benchmarks/results/store.json
    python benchmarks/scale_page.py              # the figures of both into docs/scale.md

`workers` compares two workers on two cores with one on one core, in turns. `store` reads an ARD
from a store that answers HTTP range requests, each after a latency, through one line of a given
bandwidth that all requests share, as they share the network of one machine. It stands for a bucket,
near or far. Run either on a machine that does nothing else.
"""

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from machine import keep, parser_of

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))


def slow_store(folder: Path, latency: float, bandwidth: float):
    """Serve a folder; answers start `latency` seconds late and share `bandwidth` bytes a second."""
    from servers import FolderServer

    class SlowStore(FolderServer):
        free = 0.0

        def count(self, request: tuple[str, str, str | None, int], size: int) -> None:
            super().count(request, size)
            with self._lock:
                begun = max(self.free, time.monotonic() + latency)
                ready = self.free = begun + size / bandwidth
            time.sleep(max(0.0, ready - time.monotonic()))

    server = SlowStore(folder)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def fuse_ard(
    ard: str, folder: Path, workers: int, cluster: str | None = None, cores: int | None = None
) -> dict[str, float]:
    """Fuse an ARD into a new folder; returns total seconds, and Mpx/s with and without the start.

    Args:
        ard: a folder or an address.
        folder: for the pictures; replaced.
        workers: tiles at work at once.
        cluster: `local` for a Dask cluster; None for processes.
        cores: how many cores it may use; None for all.
    """
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "potato", "fuse-ard", ard, str(folder), "-j", str(workers), "--json"]
    command += ["--cluster", cluster] if cluster else []
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    started = time.perf_counter()
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
    )
    seconds = time.perf_counter() - started
    told = json.loads(done.stdout)
    # Starting up takes equally long for any number of tiles, so it is left out.
    ends = sorted(path.stat().st_mtime for path in folder.rglob("[0-9]*/*/*/*.json"))
    running = told["pixels"] * (len(ends) - workers) / len(ends) / (ends[-1] - ends[workers - 1])
    return {"seconds": seconds, "mpx_per_second": told["pixels"] / seconds / 1e6, "running": running / 1e6}


def make_ard(folder: Path, tiles: int, size: int) -> None:
    make = [
        sys.executable,
        "-m",
        "potato",
        "make-ard",
        str(folder),
        "--tiles",
        str(tiles),
        "--size",
        str(size),
    ]
    subprocess.run([*make, "--no-broken", "-q"], check=True)


def compare_workers(folder: Path, options: argparse.Namespace) -> list[dict]:
    """One worker on one core against two on two, in turns, with processes and with Dask."""
    make_ard(folder / "ard", options.tiles, options.size)
    found = []
    for cluster in (None, "local"):
        runs: dict[int, list[float]] = {1: [], 2: []}
        for _, count in itertools.product(range(options.rounds), runs):
            figures = fuse_ard(str(folder / "ard"), folder / "out", count, cluster, cores=count)
            runs[count].append(figures["running"])
        one, two = (statistics.median(runs[count]) for count in runs)
        found.append({"cluster": cluster, "one": one, "two": two, "gain": two / one, "runs": runs})
        print(f"{cluster or 'processes':9}  1: {one:5.2f} Mpx/s  2: {two:5.2f} Mpx/s  × {two / one:.2f}")
    return found


def compare_stores(folder: Path, options: argparse.Namespace) -> list[dict]:
    """The speed of each number of workers with each kind of store."""
    make_ard(folder / "ard", options.tiles, options.size)
    found = []
    for kind in options.stores.split(","):
        milliseconds, megabytes = map(float, kind.split(":"))
        for workers in map(int, options.workers.split(",")):
            server = slow_store(folder / "ard", milliseconds / 1e3, megabytes * 1e6)
            figures = fuse_ard(server.url, folder / "out", workers)
            images = [one for one in server.requests if one[1].endswith(".tif")]
            found.append(
                {
                    "latency_ms": milliseconds,
                    "bandwidth_mb": megabytes,
                    "workers": workers,
                    **figures,
                    "requests_per_tile": len(images) / options.tiles,
                    "bytes_per_tile": server.sent / options.tiles,
                }
            )
            server.shutdown()
            server.server_close()
            print(
                f"{milliseconds:5.0f} ms {megabytes:6.0f} MB/s, {workers:2} workers: "
                f"{figures['running']:5.2f} Mpx/s running, {figures['mpx_per_second']:5.2f} in all; a tile: "
                f"{found[-1]['requests_per_tile']:.0f} requests, {found[-1]['bytes_per_tile'] / 1e6:.1f} MB"
            )
    return found


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("what", choices=["workers", "store"])
    parser.add_argument("--tiles", type=int, default=16)
    parser.add_argument("--size", type=int, default=2720, help="pan pixels along a tile")
    parser.add_argument("--rounds", type=int, default=2, help="of workers")
    parser.add_argument("--workers", default="1,2,4,8", help="of store")
    parser.add_argument(
        "--stores",
        default="0:10000,20:100,150:25",
        help="milliseconds:megabytes a second of each store",
    )
    parser.add_argument("--folder", help="where to work; default: a temporary folder")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        work = compare_workers if options.what == "workers" else compare_stores
        figures = work(Path(name), options)
    if options.json:
        keep(options.json, tiles=options.tiles, size=options.size, what=options.what, figures=figures)


if __name__ == "__main__":
    main()
