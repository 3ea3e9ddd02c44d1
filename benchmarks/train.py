"""Chips of 512 × 512 pixels per second in training, with reading and augmentation.

Measures three kinds in turns: the whole step as `potato train` does it; loading (reading and
augmenting) alone, in one process; and computing alone, on batches in memory. Sizes of batches and
the number of loader processes are those that `potato train` chooses for the device.

    python benchmarks/train.py --rounds 5 --json benchmarks/results/train.json
"""

import statistics
import sys
import tempfile
import time

import torch

from machine import keep, parser_of
from potato.chips.scenes import make_scenes, scene_chip
from potato.engine.devices import choose_device
from potato.engine.threads import available_cores
from potato.model.model import Architecture
from potato.model.network import Sharpener
from potato.training.config import TrainConfig
from potato.training.data import Samples, chip_paths
from potato.training.defaults import default_batch_size, default_micro_batch, default_workers
from potato.training.loader import Places, open_batches
from potato.training.step import Learner, train_step


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--size", type=int, default=512, help="side of a chip in pan pixels")
    parser.add_argument("--chips", type=int, default=16, help="how many different chips")
    parser.add_argument("--steps", type=int, default=4, help="steps of a round, after one; more with loaders")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--width", type=int, default=32, help="channels of the network")
    parser.add_argument("--depth", type=int, default=4, help="layers of the network")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--micro-batch", type=int)
    parser.add_argument("--workers", type=int, help="loader processes")
    parser.add_argument("--threads", type=int, help="of torch; default: its own choice")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(choose_device(options.device))
    architecture, size = Architecture(options.width, options.depth), (options.size, options.size)
    batch_size = options.batch_size or default_batch_size(device)
    micro_batch = min(batch_size, options.micro_batch or default_micro_batch(size, architecture, device))
    workers = default_workers(device) if options.workers is None else options.workers

    with tempfile.TemporaryDirectory() as folder:
        make_scenes(folder, count=options.chips, size=options.size, workers=available_cores())
        config = TrainConfig(chips=folder, batch_size=batch_size, micro_batch=micro_batch)
        samples = Samples(tuple(chip_paths(folder)), 0.0, size, 0)
        learner = Learner.start(Sharpener(architecture), config, device)

        def measure(kind: str) -> float:
            """Chips per second."""
            # Loader processes begin with batches that they made ahead.
            steps = options.steps * max(1, workers) if kind == "step" else options.steps
            places = Places(0, steps + 1, batch_size, micro_batch)
            loaders = workers if kind == "step" else 0
            batches = open_batches(samples, places, loaders, pin=device.type == "cuda")
            ready = list(batches) if kind == "compute" else batches
            started = 0.0
            for number, batch in enumerate(ready):
                if kind != "load":
                    train_step(learner, batch, config, 10_000)
                if not number:  # the first warms up, and waits for the worker to start
                    learner.settle()
                    started = time.perf_counter()
            learner.settle()  # waits until a GPU is done
            return steps * batch_size / (time.perf_counter() - started)

        kinds = ("step", "load", "compute")
        runs: dict[str, list[float]] = {kind: [] for kind in kinds}
        for turn in range(options.rounds + 1):
            for kind in kinds:
                speed = measure(kind)
                if turn or options.rounds == 1:  # the first round warms up
                    runs[kind].append(speed)
        started = time.perf_counter()
        for number in range(4):
            scene_chip(1, number, options.size)
        scenes = 4 / (time.perf_counter() - started)

    summary = {
        kind: {"chips_per_second": statistics.median(speeds), "range": [min(speeds), max(speeds)]}
        for kind, speeds in runs.items()
    }
    for kind, figures in summary.items():
        low, high = figures["range"]
        print(f"{kind:8} {figures['chips_per_second']:6.1f} chips/s ({low:.1f}–{high:.1f})")
    print(f"scenes   {scenes:6.1f} chips/s, invented in one process")
    if options.json:
        keep(
            options.json,
            threads=torch.get_num_threads(),
            device=str(device),
            size=options.size,
            network={"width": options.width, "depth": options.depth},
            batch={"size": batch_size, "micro": micro_batch},
            workers=workers,
            summary=summary,
            scenes_per_second=scenes,
            runs=runs,
        )


if __name__ == "__main__":
    sys.exit(main())
