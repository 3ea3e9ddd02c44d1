"""How fast is `potato fuse`, as a whole process, compared with `gdal_pansharpen.py`?

Generates a pair (8192 × 8192 pan, 21 % invalid, DEFLATE), then runs the commands in turns, so that
drifts of the machine's speed affect all alike. Random weights take as long as trained ones.

    python benchmarks/fuse.py --rounds 5 --json benchmarks/results/fuse.json
    python benchmarks/fuse.py --size 17408 --rounds 1 --only tiled,cog  # memory at full tile size
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import keep, parser_of

GDAL = "gdal_pansharpen.py -q -co COMPRESS=ZSTD -co TILED=YES -threads ALL_CPUS -b 5 -b 3 -b 2"
PIECE = 2048


def make(folder: Path, size: int, width: int, depth: int) -> None:
    """Write a pair of one generated town, mirrored to fill the size, and random weights.

    Runs in its own process, because the peak memory of a child starts at its parent's size.
    """
    import numpy as np
    import torch

    from potato import Architecture, Sharpener, save_model
    from potato.core.sensors import BAND_CODES, RATIO
    from potato.raster import grid_at, write_image
    from potato.simulation.ground import make_ground
    from potato.simulation.imager import observe
    from potato.simulation.random_imager import random_imager

    generator = torch.Generator().manual_seed(1)
    ground = make_ground(PIECE, PIECE, generator, style="town")
    pan, mul = (image.numpy() for image in observe(ground, generator, random_imager(generator)))

    def fill(image: np.ndarray, side: int) -> np.ndarray:
        extra = max(0, side - image.shape[1])
        return np.pad(image, ((0, 0), (0, extra), (0, extra)), mode="symmetric")[:, :side, :side]

    valid = np.add.outer(0.3 * np.arange(size), np.arange(size)) < 0.94 * size
    fine, coarse = grid_at(size, size, 0.5), grid_at(size // RATIO, size // RATIO, 2.0)
    write_image(folder / "pan.tif", fill(pan[None], size) * valid, valid, fine, ("BAND_P",))
    coarse_valid = valid[::RATIO, ::RATIO]
    write_image(folder / "mul.tif", fill(mul, size // RATIO) * coarse_valid, coarse_valid, coarse, BAND_CODES)
    torch.manual_seed(0)
    model = Sharpener(Architecture(width, depth))
    for layer in model.layers:
        torch.nn.init.normal_(layer.weight, std=0.02)
    save_model(model, folder / "random.safetensors")


def measure(command: list[str], output: Path) -> dict[str, float]:
    """Run a command; wall and processor seconds, peak memory in MB, size of its output in MB."""
    output.unlink(missing_ok=True)
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "output_mb": output.stat().st_size / 1e6,
    }


def commands_for(folder: Path, weights: str) -> dict[str, list[str]]:
    """The command of each kind; it writes `kind.tif` in the folder."""
    pan, mul = str(folder / "pan.tif"), str(folder / "mul.tif")
    output = {kind: str(folder / f"{kind}.tif") for kind in ("tiled", "cog", "flat", "gdal")}
    fuse = [sys.executable, "-m", "potato", "fuse", pan, mul]
    return {
        "tiled": [*fuse, output["tiled"], "-q", "-w", weights, "--profile", "tiled"],
        "cog": [*fuse, output["cog"], "-q", "-w", weights],
        "flat": [*fuse, output["flat"], "-q", "-w", weights, "--profile", "tiled", "--look", "flat"],
        "gdal": [*GDAL.split(), pan, mul, output["gdal"]],
    }


def run_in_turns(
    folder: Path, commands: dict[str, list[str]], rounds: int
) -> dict[str, list[dict[str, float]]]:
    """The figures of each command in each round; with several rounds, a first one warms up."""
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in commands}
    for turn in range(rounds + (rounds > 1)):
        for kind, command in commands.items():
            figures = measure(command, folder / f"{kind}.tif")
            if turn or rounds == 1:
                runs[kind].append(figures)
    return runs


def summarize(runs: dict[str, list[dict[str, float]]], pixels: int) -> dict[str, Any]:
    """Print and return medians, and the times of `cog` and `gdal` relative to `tiled`."""
    summary: dict[str, Any] = {}
    for kind, figures in runs.items():
        seconds = [run["seconds"] for run in figures]
        summary[kind] = {
            "seconds_median": statistics.median(seconds),
            "seconds_range": [min(seconds), max(seconds)],
            "mpx_per_second": pixels / 1e6 / statistics.median(seconds),
            "cpu_seconds": statistics.median(run["cpu_seconds"] for run in figures),
            "peak_mb": max(run["peak_mb"] for run in figures),
            "output_mb": figures[-1]["output_mb"],
        }
        print(
            f"{kind:6} {summary[kind]['seconds_median']:6.2f} s ({min(seconds):.2f}–{max(seconds):.2f})  "
            f"{summary[kind]['mpx_per_second']:5.1f} Mpx/s  peak {summary[kind]['peak_mb']:.0f} MB  "
            f"output {summary[kind]['output_mb']:.0f} MB"
        )
    for kind in ("cog", "gdal"):
        if kind in runs and "tiled" in runs:
            ratios = [b["seconds"] / a["seconds"] for a, b in zip(runs["tiled"], runs[kind], strict=True)]
            summary[f"{kind}_to_tiled"] = statistics.median(ratios)
            print(f"{kind} takes {statistics.median(ratios):.2f} × the time of tiled")
    return summary


def parse_options() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--size", type=int, default=8192, help="side of pan in pixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--width", type=int, default=32, help="channels of the network")
    parser.add_argument("--depth", type=int, default=4, help="layers of the network")
    parser.add_argument("--weights", help="a checkpoint instead of random weights")
    parser.add_argument("--only", default="tiled,cog,gdal", help="which of tiled, cog, flat, gdal")
    parser.add_argument("--folder", help="where to work; default: a temporary folder")
    parser.add_argument("--json", help="where to keep the figures")
    parser.add_argument("--make", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    if options.make:
        make(Path(options.make), options.size, options.width, options.depth)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        subprocess.run([sys.executable, __file__, "--make", name, *sys.argv[1:]], check=True)
        commands = commands_for(folder, options.weights or str(folder / "random.safetensors"))
        chosen = [kind for kind in options.only.split(",") if kind in commands]
        if "gdal" in chosen and not shutil.which("gdal_pansharpen.py"):
            print(
                "gdal_pansharpen.py isn't installed (Debian: gdal-bin, python3-gdal); left out",
                file=sys.stderr,
            )
            chosen.remove("gdal")
        runs = run_in_turns(folder, {kind: commands[kind] for kind in chosen}, options.rounds)
    summary = summarize(runs, options.size**2)
    if options.json:
        keep(
            options.json,
            pixels=[options.size, options.size],
            network={"width": options.width, "depth": options.depth},
            summary=summary,
            runs=runs,
        )


if __name__ == "__main__":
    main()
