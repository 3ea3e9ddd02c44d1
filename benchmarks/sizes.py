"""Error against speed of networks of several widths and depths.

    python benchmarks/sizes.py POOL --work WORK [--sizes 24x3,32x4,…] [--data DATA]

POOL is the pool of runs/reference.sh. All networks learn from equally many chips in one order. Each
is then evaluated on simulated scenes that training never sees and, if DATA holds `wv2/`, on that
real pair. Speed is measured with the predictor included, on one thread, in blocks of 512 × 512
pixels as `fuse` cuts them, all sizes in turns. A run that was interrupted goes on. It writes
WORK/sizes.json and prints a table.
"""

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from machine import keep, parser_of
from potato.chips.scenes import list_photographs, scene_chip
from potato.core.sensor_table import WORKSHOP
from potato.core.windows import PairWindow
from potato.evaluation.by_chips import CHIPS_KEY, evaluate_chip
from potato.evaluation.findings import Findings
from potato.evaluation.methods import MethodSpec
from potato.evaluation.pair_windows import to_tensors
from potato.evaluation.protocols import displaced, full, plain
from potato.model.network import Sharpener, sharpen
from potato.model.weights import PREDICTOR, load_model
from potato.raster.pair import open_pair

SIZES = "24x3,32x3,32x4,40x4,40x5,48x4,48x5,64x4"
EPOCH = 2000
SEED = 20_260_000
BLOCK = 128
"""Side of a block in cells."""


def terms() -> str:
    """The options of the recipe that weight the terms of the loss."""
    recipe = (Path(__file__).parents[1] / "runs" / "reference.sh").read_text()
    found = re.search(r"--fringe-weight \S+ --ghost-weight \S+ --saturated-weight \S+", recipe)
    if not found:
        raise SystemExit(
            "runs/reference.sh: expected --fringe-weight, --ghost-weight and --saturated-weight side by side"
        )
    return found[0]


def train(pool: Path, work: Path, size: str, chips: int) -> Path:
    """Train a network of a size on so many chips, unless its last checkpoint is there already."""
    width, depth = size.split("x")
    epochs = max(1, chips // EPOCH)
    last = work / size / f"{epochs - 1}.safetensors"
    if not last.is_file():
        options = (
            f"--session {size} --no-instrument --width {width} --depth {depth} --seed 1 --lr 2e-3 "
            f"--epoch-length {EPOCH} --epochs {epochs} --save-every 3 "
            f"--batch-size 4 --micro-batch 4 --workers 1 {terms()}"
        )
        command = [sys.executable, "-m", "potato", "train", "--sessions", str(work), "--chips", str(pool)]
        subprocess.run([*command, *options.split()], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return last


def evaluate_scenes(weights: Path, count: int, photographs: tuple[str, ...]) -> float:
    """Mean ΔE on simulated scenes by that of the predictor."""
    methods = MethodSpec(weights, [PREDICTOR]).methods
    found = [Findings() for _ in methods]
    for n in range(count):
        chip = scene_chip(SEED, n, 512, series="judged", photographs=photographs)
        for whole, part in zip(found, evaluate_chip(methods, chip), strict=True):
            whole.join(part)
    before, after = (one.differences[CHIPS_KEY].total.mean for one in found)
    return after / before


def evaluate_real_pair(model: Sharpener, folder: Path) -> dict[str, float]:
    """Figures of the real pair."""
    with open_pair(folder / "wv2-pan.tif", folder / "wv2-ms.tif") as pair:
        pixels = pair.read(PairWindow(0, 0, pair.height, pair.width))
    pan, mul = (image[None] for image in to_tensors(pixels)[:2])

    def ours(pan: torch.Tensor, mul: torch.Tensor) -> torch.Tensor:
        return sharpen(model, pan, mul)

    whole = full(ours, pan, mul, sensor=WORKSHOP)
    return {
        "plain ds1": plain(ours, pan, mul, 1, sensor=WORKSHOP),
        **{f"displaced {by}": displaced(ours, pan, mul, by, sensor=WORKSHOP) for by in (0.0, 0.35, 0.6)},
        "fringe": whole.fringes["a"].mean,
        "detail": whole.detail,
    }


def time_all(models: dict[str, Sharpener], rounds: int) -> dict[str, float]:
    """Mpx of pan a second on one thread, the median of rounds in turns."""
    torch.set_num_threads(1)
    runs: dict[str, list[float]] = {size: [] for size in models}
    for turn in range(rounds + 1):
        for size, model in models.items():
            side = BLOCK + 2 * model.halo
            pan, mul = torch.rand(1, 16, side, side), torch.rand(1, 8, side, side)
            started = time.process_time()
            with torch.inference_mode():
                for _ in range(8):
                    model(pan, mul)
            if turn:  # the first warms up
                runs[size].append(8 * (4 * BLOCK) ** 2 / 1e6 / (time.process_time() - started))
    return {size: statistics.median(found) for size, found in runs.items()}


def main() -> int:
    """Train, evaluate, time, write."""
    parser = parser_of(__doc__)
    parser.add_argument("pool", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--chips", type=int, default=24_000)
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--photographs", type=Path)
    options = parser.parse_args()
    photographs = list_photographs(options.photographs)
    sizes = options.sizes.split(",")
    trained = {size: train(options.pool, options.work, size, options.chips) for size in sizes}
    models = {size: load_model(path) for size, path in trained.items()}
    speeds = time_all({PREDICTOR: load_model(PREDICTOR), **models}, options.rounds)
    rows: dict[str, dict[str, float]] = {PREDICTOR: {"Mpx/s": speeds[PREDICTOR], "scenes": 1.0}}
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    real = options.data / "wv2" if options.data else None
    base = evaluate_real_pair(load_model(PREDICTOR), real) if real else {}
    rows[PREDICTOR] |= {name: value if name == "detail" else 1.0 for name, value in base.items()}
    for size, model in models.items():
        own = evaluate_real_pair(model, real) if real else {}
        rows[size] = {
            "Mpx/s": speeds[size],
            "scenes": evaluate_scenes(trained[size], options.scenes, photographs),
            **{name: value if name == "detail" else value / base[name] for name, value in own.items()},
        }
    keep(options.work / "sizes.json", chips=options.chips, scenes=options.scenes, sizes=rows)
    columns = list(rows[PREDICTOR])
    print("| width × depth |", " | ".join(columns), "|\n|---" + "|---" * len(columns) + "|")
    for size, row in rows.items():
        print("|", size.replace("x", " × "), "|", " | ".join(f"{row[name]:.3g}" for name in columns), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
