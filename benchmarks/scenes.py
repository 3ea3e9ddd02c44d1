"""How fast scenes are drawn and imaged on one core: Mpx of pan a second of processor time.

    python benchmarks/scenes.py [--photographs DIR] [--size 512] [--count 8] [--json FILE]

Each ground is imaged by four passes, as in `potato train --scenes`, in a process that keeps freed
memory, as its loader processes do. Half of the scenes are made by Wald's protocol, and most of
these need ground of four times the area.
"""

import statistics
import sys
import time
from pathlib import Path

import torch

from machine import keep, parser_of
from potato.chips.scenes import GROUNDS, list_photographs, scene_chip
from potato.engine.memory import keep_freed_memory
from potato.training.config import TrainConfig


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--count", type=int, default=8, help="grounds of each kind")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    photographs = list_photographs(options.photographs)
    passes = TrainConfig.passes
    found = {}
    for ground in (*GROUNDS, None):
        if ground == "photographs" and not photographs:
            continue
        speeds = []
        for index in range(-1, options.count):  # the first warms up
            started = time.process_time()
            for pass_index in range(passes):
                scene_chip(
                    1, index, options.size, pass_index=pass_index, photographs=photographs, ground=ground
                )
            if index >= 0:
                speeds.append(passes * options.size**2 / 1e6 / (time.process_time() - started))
        name = ground or "the mix"
        # For the mix, total time counts; for one kind, the typical scene.
        found[name] = statistics.harmonic_mean(speeds) if ground is None else statistics.median(speeds)
        print(f"{name:12} {found[name]:5.2f} Mpx/s")
    if options.json:
        keep(options.json, size=options.size, passes=passes, count=options.count, mpx_per_second=found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
