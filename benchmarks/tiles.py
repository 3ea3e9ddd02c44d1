"""How long does a web tile take that is sharpened on demand, on one core?

Generates the pair of benchmarks/fuse.py (8192 × 8192 pan), then asks the reader of
docs/examples/tiles.py for tiles at random places, each zoom in turn: opening the files, sharpening,
warping, encoding as PNG. The process and the file cache are warm; the tiles are new. Wall time and
processor time are kept: they agree on a quiet machine, and on a busy one only the second counts.

    python benchmarks/tiles.py --json benchmarks/results/tiles.json
"""

import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from machine import keep, parser_of
from whole_process import make_pair


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--size", type=int, default=8192, help="side of pan")
    parser.add_argument("--width", type=int, default=32, help="channels of the network")
    parser.add_argument("--depth", type=int, default=4, help="layers of the network")
    parser.add_argument("--tiles", type=int, default=40, help="how many of each zoom")
    parser.add_argument("--tilesize", type=int, default=256)
    parser.add_argument("--folder", type=Path, help="where the pair is, or is to be kept")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        if not (folder / "random.safetensors").exists():
            make_pair(folder, options.size, options.width, options.depth)
        runs = measure(folder, options.tiles, options.tilesize)

    summary = {}
    for zoom, seconds in runs.items():
        wall, processor = (sorted(1e3 * each for each in kind) for kind in zip(*seconds, strict=True))
        summary[zoom] = {
            "milliseconds": statistics.median(wall),
            "p95": wall[int(0.95 * (len(wall) - 1))],
            "range": [wall[0], wall[-1]],
            "processor": statistics.median(processor),
            "processor_range": [processor[0], processor[-1]],
        }
        print(
            f"zoom {zoom}: {summary[zoom]['milliseconds']:4.0f} ms, 95 % within {summary[zoom]['p95']:4.0f}; "
            f"of the processor {summary[zoom]['processor']:4.0f} ms, {processor[-1]:4.0f} at most"
        )
    if options.json:
        keep(
            options.json,
            size=options.size,
            tilesize=options.tilesize,
            network={"width": options.width, "depth": options.depth},
            summary=summary,
            runs=runs,
        )


def measure(folder: Path, count: int, tilesize: int) -> dict[int, list[tuple[float, float]]]:
    """Wall seconds and processor seconds of each tile, by zoom."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "examples"))
    from potato import load_model
    from tiles import PairReader

    model, names = load_model(folder / "random.safetensors"), (f"{folder}/pan.tif", f"{folder}/mul.tif")
    chance = random.Random(0)
    with PairReader(names) as reader:
        west, south, east, north = reader.get_geographic_bounds(reader.tms.rasterio_geographic_crs)
        zooms = range(reader.minzoom + 1, reader.maxzoom + 2)
    runs: dict[int, list[tuple[float, float]]] = {zoom: [] for zoom in zooms}
    for turn in range(-1, count):  # the first warms up
        for zoom in zooms:
            # Not at its very edge, where the box in degrees is wider than the pair.
            place = (
                west + (east - west) * chance.uniform(0.05, 0.95),
                south + (north - south) * chance.uniform(0.05, 0.95),
            )
            started = time.perf_counter(), time.process_time()
            with PairReader(names, model=model) as reader:
                tile = reader.tms.tile(*place, zoom)
                reader.tile(tile.x, tile.y, tile.z, tilesize).render(img_format="PNG", zlevel=1)
            if turn >= 0:
                runs[zoom].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    return runs


if __name__ == "__main__":
    sys.exit(main())
