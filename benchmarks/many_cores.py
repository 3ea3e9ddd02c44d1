r"""What do many cores and a GPU give, before and after a change? Ten minutes on such a machine.

Installs two versions side by side, each a wheel or a source folder, and measures both in turns.
Their libraries are those of this interpreter, or wheels in a folder, where there is no network.
Every figure is kept as soon as it is there. Repeat the command to go on after an interruption.

    python benchmarks/many_cores.py --before old.whl --after new.whl --libraries wheels \
        --json benchmarks/results/many_cores.json
    python benchmarks/many_cores.py --after . --quick --json quick.json    # tries the script itself
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from machine import keep, parser_of
from whole_process import fuse_commands, measure

HERE = Path(__file__).parent
PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    pair: int = 8192
    large: int = 17408
    tile: int = 4096
    rounds: int = 3
    chips: tuple[str, ...] = ("--rounds", "1", "--steps", "8")
    scenes: tuple[str, ...] = ("--count", "3")


QUICK = Size(
    pair=1024,
    large=2048,
    tile=512,
    rounds=1,
    chips=("--rounds", "1", "--steps", "1", "--size", "256", "--chips", "4", "--batch-size", "4"),
    scenes=("--size", "256", "--count", "1"),
)

Task = tuple[str, str, Callable[[], Any]]
"""The version, the name of a figure, and what measures it."""


class Bench:
    """The versions under test, each with its own environment."""

    def __init__(self, work: Path, options: argparse.Namespace) -> None:
        self.work, self.size = work, QUICK if options.quick else Size()
        shared = []
        if options.libraries:
            shared = [str(work / "libraries")]
            wheels = [str(path) for path in sorted(Path(options.libraries).glob("*.whl"))]
            _install(work / "libraries", wheels)
        versions = {"after": options.after, "before": options.before}
        self.env: dict[str, dict[str, str]] = {}
        for version, source in versions.items():
            if source:
                _install(work / version, [source])
                path = os.pathsep.join([str(work / version), *shared])
                self.env[version] = {**os.environ, "PYTHONPATH": path}

    def pair(self, side: int) -> Path:
        """The folder of a pair of that side, made by the version after the change."""
        folder = self.work / f"pair{side}"
        if not (folder / "random.safetensors").exists():
            command = [sys.executable, HERE / "whole_process.py", folder, str(side), "32", "4"]
            folder.mkdir(exist_ok=True)
            subprocess.run(command, check=True, env=self.env["after"])
        return folder

    def fuse(self, version: str, side: int, kind: str, *more: str) -> dict[str, float]:
        """The best round of sharpening a pair, as a whole process."""
        command = fuse_commands(self.pair(side), more=more)[kind]
        runs = [measure(command, env=self.env[version]) for _ in range(self.size.rounds)]
        best = min(runs, key=lambda run: run["seconds"])
        return {"mpx_per_second": side**2 / 1e6 / best["seconds"], **best}

    def script(self, version: str, name: str, *more: str) -> Any:
        """What another script of this folder writes."""
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder) / "kept.json"
            command = [sys.executable, HERE / name, "--json", kept, *more]
            done = subprocess.run(command, env=self.env[version], stdout=subprocess.DEVNULL)
            if not kept.exists():
                raise RuntimeError(f"{name} ended with {done.returncode}")
            found = json.loads(kept.read_text())
        return {key: value for key, value in found.items() if key not in ("machine", "versions", "runs")}

    def gpu(self) -> str | None:
        """The name of the GPU that torch finds; None without one."""
        code = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
        found = subprocess.run(
            [sys.executable, "-c", code], env=self.env["after"], capture_output=True, text=True
        )
        return found.stdout.strip() or None

    def tasks(self, gpu: bool) -> list[Task]:
        """All that is to be measured, the most wanted first."""
        size, found = self.size, list[Task]()
        cpu, cuda = ("--device", "cpu"), ("--device", "cuda")
        small = ("--rounds", "1", "--small", "8", "--size", str(size.tile))
        for version in self.env:
            fuse, script = partial(self.fuse, version), partial(self.script, version)
            found.append((version, "tiled", partial(fuse, size.pair, "tiled", *cpu)))
            found.append((version, "cog", partial(fuse, size.pair, "cog", *cpu)))
            if gpu:
                found.append((version, "tiled, GPU", partial(fuse, size.large, "tiled", *cuda)))
                found.append((version, "cog, GPU", partial(fuse, size.large, "cog", *cuda)))
            found.append((version, "fuse-ard", partial(script, "fuse_ard.py", *small)))
        found.append(("after", "cores", self.curve))
        for version in self.env:
            script = partial(self.script, version)
            found.append((version, "training", partial(script, "train.py", *size.chips)))
            found.append((version, "scenes", partial(script, "scenes.py", *size.scenes)))
        if gpu:
            small += cuda
            found.append(("after", "fuse-ard, GPU", partial(self.script, "after", "fuse_ard.py", *small)))
        return found

    def curve(self) -> Any:
        """The figures of cores.py."""
        side = self.size.pair
        more = ("--rounds", "1", "--size", str(side), "--pair", str(self.pair(side)))
        return self.script("after", "cores.py", *more, "--only", "tiled,gdal")


def _install(folder: Path, packages: list[str]) -> None:
    """Install wheels, or a copy of a source folder, in which building leaves nothing behind."""
    if folder.exists():
        return
    skipped = shutil.ignore_patterns(".*", "build", "shared", "*.egg-info")
    with tempfile.TemporaryDirectory() as copies:
        for number, package in enumerate(packages):
            if Path(package).is_dir():
                packages[number] = shutil.copytree(package, f"{copies}/{number}", ignore=skipped)
        subprocess.run([*PIP, "--target", str(folder), *packages], check=True)


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--after", required=True, help="a wheel or a source folder")
    parser.add_argument("--before", help="a wheel or a source folder of the version to compare with")
    parser.add_argument("--libraries", help="a folder of wheels, such as rasterio's, to install first")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "many_cores")
    parser.add_argument("--minutes", type=float, default=10, help="begin nothing after so many minutes")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the script")
    parser.add_argument("--json", type=Path, required=True, help="where to keep the figures, and to go on")
    options = parser.parse_args()
    begun = time.monotonic()
    options.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.work, options)
    gpu = bench.gpu()
    figures = json.loads(options.json.read_text())["figures"] if options.json.exists() else {}
    left = 0
    for version, name, task in bench.tasks(gpu is not None):
        if name in figures.get(version, {}):
            continue
        if time.monotonic() - begun > 60 * options.minutes:
            left += 1
            continue
        started = time.monotonic()
        try:
            found = task()
        except (Exception, SystemExit) as error:
            found = {"error": str(error)}
        figures.setdefault(version, {})[name] = found
        keep(str(options.json), gpu=gpu, quick=options.quick, figures=figures)
        told = found.get("error", "kept")
        print(f"{version}, {name}: {told} ({time.monotonic() - started:.0f} s)", flush=True)
    if left:
        print(f"{left} figures are left; repeat the command")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
