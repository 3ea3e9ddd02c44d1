"""Chips of 512 × 512 pixels per second in training, with reading and augmentation.

Measures three kinds in turns: the whole step as `potato train` does it; loading (reading and
augmenting) alone; and computing alone, on batches in memory. The loader is no bottleneck if it
makes more chips per second than computing takes.

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
from potato.model.model import Architecture
from potato.model.network import Sharpener
from potato.training import TrainConfig
from potato.training.data import Samples, list_chips
from potato.training.loader import Places, open_batches
from potato.training.step import Learner, train_step


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--size", type=int, default=512, help="side of a chip in pan pixels")
    parser.add_argument("--chips", type=int, default=16, help="how many different chips")
    parser.add_argument("--steps", type=int, default=4, help="steps of a round, after one to warm up")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--width", type=int, default=32, help="channels of the network")
    parser.add_argument("--depth", type=int, default=4, help="layers of the network")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--micro-batch", type=int, default=4)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, help="of torch; default: its own choice")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(choose_device(options.device))

    with tempfile.TemporaryDirectory() as folder:
        make_scenes(folder, count=options.chips, size=options.size, workers=2)
        config = TrainConfig(chips=folder, batch_size=options.batch_size, micro_batch=options.micro_batch)
        samples = Samples(tuple(list_chips(folder)), 0.0, (options.size, options.size), 0)
        learner = Learner.start(Sharpener(Architecture(options.width, options.depth)), config, device)

        def measure(kind: str) -> float:
            """Chips per second."""
            steps = options.steps
            workers = options.workers if kind == "step" else 0
            places = Places(0, steps + 1, config.batch_size, config.micro_batch)
            batches = open_batches(samples, places, workers)
            ready = list(batches) if kind == "compute" else batches
            started = 0.0
            for number, batch in enumerate(ready):
                if kind != "load":
                    train_step(learner, batch, config, 10_000)
                if not number:  # the first warms up, and waits for the worker to start
                    started = time.perf_counter()
            return steps * config.batch_size / (time.perf_counter() - started)

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
            batch={"size": options.batch_size, "micro": options.micro_batch},
            workers=options.workers,
            summary=summary,
            scenes_per_second=scenes,
            runs=runs,
        )


if __name__ == "__main__":
    sys.exit(main())
