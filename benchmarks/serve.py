"""How long does a web tile of `potato serve` take, from the request to the last byte, on one core?

Generates the pair of benchmarks/fuse.py (8192 × 8192 pan) and serves it in this process. Asks over
HTTP for web tiles at random places, which were not drawn before, each zoom in turn; then for the
same ones in another look; at last with 8 clients at once. The process and the file cache are warm.
Wall time and processor time are kept: they agree on a quiet machine, and on a busy one only the
second counts.

    python benchmarks/serve.py --json benchmarks/results/serve.json
"""

import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from machine import keep, parser_of
from whole_process import make_pair

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--size", type=int, default=8192, help="side of pan")
    parser.add_argument("--tiles", type=int, default=40, help="how many of each zoom")
    parser.add_argument("--kind", default="webp", choices=["png", "webp", "jpg"], help="format")
    parser.add_argument("--folder", type=Path, help="where the pair is, or is to be kept")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        if not (folder / "random.safetensors").exists():
            make_pair(folder, options.size)
        summary = measure(folder, options.tiles, options.kind)
    if options.json:
        keep(options.json, size=options.size, kind=options.kind, summary=summary)


def measure(folder: Path, count: int, kind: str) -> dict[str, Any]:
    """Milliseconds by zoom, and web tiles a second of 8 clients."""
    from potato.serving.server import Server

    summary: dict[str, Any] = {}
    chance = random.Random(0)
    pair = [folder / "pan.tif", folder / "mul.tif"]
    with Server(pair, weights=[folder / "random.safetensors"]) as server:
        source = json.loads(OPENER.open(f"{server.address}source.json").read())
        for zoom in range(source["maxzoom"] - 4, source["maxzoom"] + 2):
            paths = [path_of(source["bounds"], zoom, kind, chance) for _ in range(count + 2)]
            links = [f"{server.address}{path}" for path in dict.fromkeys(paths)]
            if len(links) < 4:  # a small pair has few web tiles at a coarse zoom
                continue
            for link in links[:2]:  # the first ones warm up
                OPENER.open(link).read()
            summary[f"zoom {zoom}"] = told(f"zoom {zoom}", links[2:])
            again = [f"{link}?look=clear&exposure=0.5" for link in links[2:]]
            summary[f"zoom {zoom}, another look"] = told(f"zoom {zoom}, another look", again)
        paths = [path_of(source["bounds"], source["maxzoom"], kind, chance) for _ in range(4 * count)]
        started = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            sizes = list(pool.map(lambda path: len(OPENER.open(server.address + path).read()), paths))
        summary["8 clients, web tiles a second"] = len(sizes) / (time.perf_counter() - started)
    print(f"8 clients: {summary['8 clients, web tiles a second']:.0f} web tiles a second")
    return summary


def path_of(bounds: Sequence[float], zoom: int, kind: str, chance: random.Random) -> str:
    """A web tile at a random place, not at the very edge."""
    west, south, east, north = bounds
    longitude = west + (east - west) * chance.uniform(0.05, 0.95)
    latitude = math.radians(south + (north - south) * chance.uniform(0.05, 0.95))
    column = int((longitude + 180) / 360 * (1 << zoom))
    row = int((1 - math.asinh(math.tan(latitude)) / math.pi) / 2 * (1 << zoom))
    return f"tiles/{zoom}/{column}/{row}.{kind}"


def told(title: str, links: Sequence[str]) -> dict[str, Any]:
    """Times of requests, one after the other, which are printed."""
    wall, processor = [], []
    for link in links:
        started = time.perf_counter(), time.process_time()
        OPENER.open(link).read()
        wall.append(1e3 * (time.perf_counter() - started[0]))
        processor.append(1e3 * (time.process_time() - started[1]))
    wall.sort()
    processor.sort()
    print(
        f"{title}: {statistics.median(wall):.0f} ms, 95 % within {wall[int(0.95 * (len(wall) - 1))]:.0f}; "
        f"of the processor {statistics.median(processor):.0f} ms, {processor[-1]:.0f} at most",
        flush=True,
    )
    return {
        "milliseconds": statistics.median(wall),
        "p95": wall[int(0.95 * (len(wall) - 1))],
        "processor": statistics.median(processor),
        "processor_range": [processor[0], processor[-1]],
    }


if __name__ == "__main__":
    sys.exit(main())
