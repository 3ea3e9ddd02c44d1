"""What does a whole event cost, or the Earth's land, and what holds it up? Measures, and works it out.

    python benchmarks/scale.py sums              # the tables of docs/scale.md, from results/fuse.json
    python benchmarks/scale.py workers           # two local workers against one, each held to a core
    python benchmarks/scale.py store --json …    # fuse-ard out of a slow store on loopback

The store answers ranges over HTTP, each after a latency, through one line of a given bandwidth that all
requests share, as the network of one machine is. It stands in for a bucket, near or far.
"""

import argparse
import itertools
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from machine import keep

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

CELL, SIDE = 5000.0, 5312.5
"""Metres along a cell of the ARD grid, and along its tile, aprons included."""

PIXEL = 0.5
"""Metres of a pan pixel: between WorldView-2, 0.46 at nadir and more beside it, and WorldView-3, 0.31."""


@dataclass(frozen=True)
class Assumptions:
    """What isn't measured here. `docs/scale.md` says what each rests on."""

    bytes_read: float = 2.1
    """Bytes of a pair for each pan pixel (DEFLATE)."""

    bytes_written: float = 3.1
    """Bytes of a COG for each pixel (8 bits, overviews included)."""

    core_hour: float = 0.05
    """USD."""

    stored: float = 0.023
    """USD for 1 GB of a bucket in a month."""

    carried: float = 0.09
    """USD for 1 GB that leaves a cloud."""

    watts: float = 10.0
    """Of a busy core, with its share of memory, fans and cooling."""

    gpu_pixels: float = 5e8
    """Pixels a second of a GPU that is always fed."""


def sums(megapixels_per_core_second: float, share: Assumptions) -> str:
    """The table of costs."""
    lines = [
        "| | tiles | pixels | core-hours | GPU-hours (estimate) | read | written | compute | "
        "storage, a month | carrying it out | energy |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    tile = (SIDE / PIXEL) ** 2
    land = math.ceil(150e12 / CELL**2)
    for name, tiles in (("an event", 8_000), ("a year of the catalogue", 40_000), ("the Earth's land", land)):
        pixels = tiles * tile
        hours = pixels / (1e6 * megapixels_per_core_second) / 3600
        read, written = pixels * share.bytes_read, pixels * share.bytes_written
        cells = [
            name,
            f"{tiles:,}",
            f"{pixels / 1e12:.3g} Tpx",
            f"{hours:,.0f}",
            f"{pixels / share.gpu_pixels / 3600:,.1f}",
            f"{_terabytes(read)}",
            f"{_terabytes(written)}",
            f"{hours * share.core_hour:,.0f} USD",
            f"{written / 1e9 * share.stored:,.0f} USD",
            f"{written / 1e9 * share.carried:,.0f} USD",
            f"{hours * share.watts / 1e3:,.1f} kWh",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _terabytes(size: float) -> str:
    return f"{size / 1e12:,.{0 if size > 1e14 else 1}f} TB"


def limits(megapixels_per_core_second: float, share: Assumptions) -> str:
    """How many cores a line keeps busy, reading or writing, and how many feed a GPU."""
    rate = megapixels_per_core_second * 1e6
    lines = ["| line | cores that read through it | cores that write through it |", "|---|---|---|"]
    for name, bits in (("1 Gbit/s", 1e9), ("10 Gbit/s", 1e10), ("100 Gbit/s", 1e11)):
        cores = [f"{bits / 8 / (rate * each):,.0f}" for each in (share.bytes_read, share.bytes_written)]
        lines.append(f"| {name} | {' | '.join(cores)} |")
    return "\n".join(lines)


def slow_store(folder: Path, latency: float, bandwidth: float):
    """A server of a folder: answers begin after `latency` seconds and share `bandwidth` bytes a second."""
    from servers import FolderServer

    class SlowStore(FolderServer):
        free = 0.0

        def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
            found = super().answer(path, headers)
            with self._lock:
                begun = max(self.free, time.monotonic() + latency)
                self.free = begun + len(found[2]) / bandwidth
                ready = self.free
            time.sleep(max(0.0, ready - time.monotonic()))
            return found

    server = SlowStore(folder)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def deliver(
    ard: str, folder: Path, workers: int, cluster: str | None = None, cores: int | None = None
) -> dict[str, float]:
    """Fuse an ARD into a new folder; seconds in all, and Mpx/s in all and without starting up.

    Args:
        ard: as fuse-ard takes it.
        folder: to deliver into; replaced.
        workers: tiles at work at once.
        cluster: as fuse-ard takes it.
        cores: how many it may use; None for all.
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
    # Starting up and loading weights is the same for any number of tiles.
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
    """One worker held to one core against two on two, in turns, by each way of having workers."""
    make_ard(folder / "ard", options.tiles, options.size)
    found = []
    for cluster in (None, "local"):
        runs: dict[int, list[float]] = {1: [], 2: []}
        for _, count in itertools.product(range(options.rounds), runs):
            figures = deliver(str(folder / "ard"), folder / "out", count, cluster, cores=count)
            runs[count].append(figures["running"])
        one, two = (statistics.median(runs[count]) for count in runs)
        found.append({"cluster": cluster, "one": one, "two": two, "gain": two / one, "runs": runs})
        print(f"{cluster or 'processes':9}  1: {one:5.2f} Mpx/s  2: {two:5.2f} Mpx/s  × {two / one:.2f}")
    return found


def compare_stores(folder: Path, options: argparse.Namespace) -> list[dict]:
    """Each number of workers out of each kind of store."""
    make_ard(folder / "ard", options.tiles, options.size)
    found = []
    for kind in options.stores.split(","):
        milliseconds, megabytes = map(float, kind.split(":"))
        for workers in map(int, options.workers.split(",")):
            server = slow_store(folder / "ard", milliseconds / 1e3, megabytes * 1e6)
            figures = deliver(server.url, folder / "out", workers)
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["sums", "workers", "store"])
    parser.add_argument("--tiles", type=int, default=12)
    parser.add_argument("--size", type=int, default=2720, help="pan pixels along a tile")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", default="1,2,4,8", help="of store")
    parser.add_argument(
        "--stores",
        default="0:10000,20:100,20:25,150:100,150:25",
        help="milliseconds:megabytes a second of each store",
    )
    parser.add_argument("--folder", help="where to work; default: a temporary folder")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    if options.what == "sums":
        measured = json.loads((ROOT / "benchmarks/results/fuse.json").read_text())
        speed = math.prod(measured["pixels"]) / 1e6 / measured["summary"]["cog"]["cpu_seconds"]
        print(f"{speed:.2f} Mpx for each second of a core (cog)\n")
        print(sums(speed, Assumptions()), limits(speed, Assumptions()), sep="\n\n")
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        work = compare_workers if options.what == "workers" else compare_stores
        figures = work(Path(name), options)
    if options.json:
        keep(options.json, tiles=options.tiles, size=options.size, what=options.what, figures=figures)


if __name__ == "__main__":
    main()
