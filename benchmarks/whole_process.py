"""Whole processes, measured: the commands, the pair that they sharpen, and their figures."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from potato.core.sensor_table import WORKSHOP

GDAL = "gdal_pansharpen.py"
GDAL_OPTIONS = "-q -co COMPRESS=ZSTD -co TILED=YES -threads ALL_CPUS -b 5 -b 3 -b 2"
OTB = "otbcli_BundleToPerfectSensor"
OTB_OUTPUT = "?&gdal:co:COMPRESS=ZSTD&gdal:co:TILED=YES"
PIECE = 2048
"""Largest side of the simulated ground that fills a pair, mirrored."""

Figures = dict[str, float]


def make_pair(folder: Path, size: int, width: int = 32, depth: int = 4) -> None:
    """Write `pan.tif`, `mul.tif` and random weights, which take as long as trained ones.

    21 % of the pair is invalid. A process of its own does it, since the peak memory of a child
    starts at its parent's size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, __file__, str(folder), *map(str, (size, width, depth))], check=True)


def _make_pair(folder: Path, size: int, width: int, depth: int) -> None:
    import numpy as np
    import torch

    from potato import Architecture, Sharpener, save_model
    from potato.raster.coordinates import grid_at
    from potato.raster.writer import write_image
    from potato.simulation.ground import make_ground
    from potato.simulation.imager import observe
    from potato.simulation.random_imager import random_imager

    generator = torch.Generator().manual_seed(1)
    side = min(PIECE, size)
    ground = make_ground(side, side, generator, style="town")
    pan, mul = (image.numpy() for image in observe(ground, generator, random_imager(generator)))

    def fill(image: np.ndarray, side: int) -> np.ndarray:
        extra = max(0, side - image.shape[1])
        return np.pad(image, ((0, 0), (0, extra), (0, extra)), mode="symmetric")[:, :side, :side]

    valid = np.add.outer(0.3 * np.arange(size), np.arange(size)) < 0.94 * size
    fine, coarse = grid_at(size, size, 0.5), grid_at(size // WORKSHOP.ratio, size // WORKSHOP.ratio, 2.0)
    write_image(folder / "pan.tif", fill(pan[None], size) * valid, valid, fine, ("BAND_P",))
    coarse_valid = valid[:: WORKSHOP.ratio, :: WORKSHOP.ratio]
    mul = fill(mul, size // WORKSHOP.ratio) * coarse_valid
    write_image(folder / "mul.tif", mul, coarse_valid, coarse, WORKSHOP.codes)
    torch.manual_seed(0)
    model = Sharpener(Architecture(width, depth))
    for layer in model.layers:
        torch.nn.init.normal_(layer.weight, std=0.02)
    save_model(model, folder / "random.safetensors")


def fuse_commands(
    folder: Path, weights: str | None = None, more: Sequence[str] = ("--device", "cpu")
) -> dict[str, list[str]]:
    """The commands that sharpen a folder's pair, by kind; each writes `kind.tif` there."""
    pan, mul = str(folder / "pan.tif"), str(folder / "mul.tif")
    fuse = [sys.executable, "-m", "potato", "fuse", pan, mul]
    quiet = ["-q", "--overwrite", "-w", weights or str(folder / "random.safetensors"), *more]
    return {
        "tiled": [*fuse, str(folder / "tiled.tif"), *quiet, "--profile", "tiled"],
        "cog": [*fuse, str(folder / "cog.tif"), *quiet],
        "flat": [*fuse, str(folder / "flat.tif"), *quiet, "--profile", "tiled", "--look", "flat"],
        "gdal": [GDAL, *GDAL_OPTIONS.split(), pan, mul, str(folder / "gdal.tif")],
        "otb": [
            *(OTB, "-inp", pan, "-inxs", f"{mul}?&bands=5,3,2"),
            *("-out", f"{folder / 'otb.tif'}{OTB_OUTPUT}", "uint16"),
        ],
    }


def without_missing(kinds: Sequence[str]) -> list[str]:
    """The kinds whose programs are installed, and a note on stderr for each other."""
    others = {
        "gdal": (GDAL, "gdal-bin, python3-gdal"),
        "otb": (OTB, "otb-bin"),
    }
    missing = [kind for kind in kinds if kind in others and not shutil.which(others[kind][0])]
    for kind in missing:
        program, packages = others[kind]
        print(f"{program} isn't installed (Debian: {packages}); left out", file=sys.stderr)
    return [kind for kind in kinds if kind not in missing]


def otb_version() -> str:
    """The version of Orfeo ToolBox, as its program says it."""
    told = subprocess.run([OTB, "-help"], capture_output=True, text=True, check=False)
    found = re.search(r"version ([\d.]+\d)", told.stdout + told.stderr)
    return found[1] if found else "?"


def measure(
    command: Sequence[str], *, cores: Sequence[int] | None = None, env: Mapping[str, str] | None = None
) -> Figures:
    """Run a command: wall seconds, processor seconds, and the peak memory of a process in MB.

    Args:
        command: the command; its children count too, and its standard output goes nowhere.
        cores: the cores that it may use; None for all.
        env: its environment; None for this one.
    """

    def pin() -> None:
        if cores is not None:
            os.sched_setaffinity(0, cores)

    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env, preexec_fn=pin)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def in_turns(commands: Mapping[str, Sequence[str]], rounds: int, **options: Any) -> dict[str, list[Figures]]:
    """The figures of each command in each round; with several rounds, a first one warms up."""
    runs: dict[str, list[Figures]] = {kind: [] for kind in commands}
    for turn in range(rounds + (rounds > 1)):
        for kind, command in commands.items():
            figures = measure(command, **options)
            if turn or rounds == 1:
                runs[kind].append(figures)
    return runs


def summarize(figures: Sequence[Figures], pixels: int) -> dict[str, Any]:
    """Medians of the runs of one command, its speed, and its largest peak memory."""
    seconds = [run["seconds"] for run in figures]
    return {
        "seconds_median": statistics.median(seconds),
        "seconds_range": [min(seconds), max(seconds)],
        "mpx_per_second": pixels / 1e6 / statistics.median(seconds),
        "cpu_seconds": statistics.median(run["cpu_seconds"] for run in figures),
        "peak_mb": max(run["peak_mb"] for run in figures),
    }


def told(name: str, summary: Mapping[str, Any]) -> str:
    """The line that a benchmark prints for a summary."""
    low, high = summary["seconds_range"]
    return (
        f"{name:12} {summary['seconds_median']:6.2f} s ({low:.2f}–{high:.2f})  "
        f"{summary['mpx_per_second']:6.1f} Mpx/s  processor {summary['cpu_seconds']:6.2f} s  "
        f"peak {summary['peak_mb']:.0f} MB"
    )


if __name__ == "__main__":
    _make_pair(Path(sys.argv[1]), *map(int, sys.argv[2:]))
