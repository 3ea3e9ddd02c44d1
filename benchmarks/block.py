"""How fast is one block on one core, from counts to codes, and how fast are convolutions alone?

Compares backends that `potato.model.backend` opens, networks of every band set (with random
weights, 32 × 4), and the convolutions of WorldView's network (3 × 3, 38 → 32 → 32 → 32 → 51
channels) by torch and, where it is installed, onnxruntime. Blocks come in turns. The difference of
the predictor and the network is what the network costs.

    python benchmarks/block.py --json benchmarks/results/block.json
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import numpy as np

from machine import keep, parser_of

CHANNELS = (38, 32, 32, 32, 51)
RATIO = 4
FLOAT, OPSET, IR = 1, 13, 8
"""ONNX's codes of float32 and of versions that every onnxruntime of these years reads."""

Blocks = dict[str, Callable[[], object]]


def whole_blocks(cells: int, devices: list[str]) -> Blocks:
    """Counts to codes, by each backend, with and without the network, and with holes."""
    from potato import load_model
    from potato.core.render import LOOKS
    from potato.core.sensor_table import WORKSHOP
    from potato.model.backend import open_backend

    found: Blocks = {}
    for device in devices:
        for weights in ("predictor", None):
            model = load_model(weights)
            backend = open_backend(model, WORKSHOP, device)
            side = cells + 2 * backend.read_halo
            whole, holes = (_pixels(side, WORKSHOP, share) for share in (0.0, 0.05))
            name = f"{device}, {weights or 'network'}"
            found[name] = partial(backend.fuse, whole, LOOKS["natural"], 0, 0)
            if weights is None:
                found[f"{name}, flat"] = partial(backend.fuse, whole, LOOKS["flat"], 0, 0)
                found[f"{name}, 5 % holes"] = partial(backend.fuse, holes, LOOKS["natural"], 0, 0)
    return found


def band_sets(side: int) -> Blocks:
    """Counts to codes on the CPU, with a network of each band set."""
    from potato.core.band_sets import BAND_SETS
    from potato.core.render import LOOKS
    from potato.model.backend import open_backend
    from potato.model.model import Architecture, Model

    found, chance = Blocks(), np.random.default_rng(0)
    for each in BAND_SETS:
        sensor = each.sensors[0]
        sizes = Architecture(32, 4, sensor.bands, sensor.ratio, mul_sharpness=True)
        tensors = {name: chance.normal(0, 0.02, shape) for name, shape in sizes.layers.items()}
        backend = open_backend(
            Model(sizes, {name: tensor.astype(np.float32) for name, tensor in tensors.items()}), sensor
        )
        pixels = _pixels(side // sensor.ratio + 2 * backend.read_halo, sensor)
        found[f"cpu, {each.name}"] = partial(backend.fuse, pixels, LOOKS["natural"], 0, 0)
    return found


def _pixels(cells: int, sensor, holes: float = 0):
    """A block of smooth ground with noise, of which a share of the cells is invalid."""
    from potato.raster.pair import PairPixels

    chance, ratio = np.random.default_rng(0), sensor.ratio
    y, x = np.mgrid[: ratio * cells, : ratio * cells] / 40
    pan = 1500 + 500 * np.sin(x) * np.cos(y) + chance.normal(0, 40, x.shape)
    shares = np.linspace(0.5, 1.5, len(sensor.bands))[:, None, None]
    mul = pan.reshape(cells, ratio, cells, ratio).mean((1, 3)) * shares
    valid = chance.random((cells, cells)) >= holes
    fine = valid.repeat(ratio, 0).repeat(ratio, 1)
    return PairPixels(pan.astype(np.uint16), mul.astype(np.uint16), fine, valid)


def convolutions(cells: int) -> Blocks:
    """The network's convolutions alone, in one thread, by each library that is installed."""
    chance, found = np.random.default_rng(0), Blocks()
    kernels = [
        chance.normal(0, 0.1, (after, before, 3, 3)).astype(np.float32)
        for before, after in pairwise(CHANNELS)
    ]
    side = cells + 2 * len(kernels)
    image = chance.normal(0, 1, (1, CHANNELS[0], side, side)).astype(np.float32)
    try:
        found["convolutions alone, torch"] = _by_torch(image, kernels)
    except ImportError:
        print("torch isn't installed; left out", file=sys.stderr)
    try:
        found["convolutions alone, onnxruntime"] = _by_onnxruntime(image, kernels)
    except ImportError:
        print("onnxruntime isn't installed; left out", file=sys.stderr)
    return found


def _by_torch(image: np.ndarray, kernels: list[np.ndarray]) -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    last = torch.channels_last
    layers = [torch.from_numpy(kernel).to(memory_format=last) for kernel in kernels]
    start = torch.from_numpy(image).to(memory_format=last)

    def run() -> object:
        with torch.inference_mode():
            hidden = start
            for layer in layers[:-1]:
                hidden = torch.relu_(torch.nn.functional.conv2d(hidden, layer))
            return torch.nn.functional.conv2d(hidden, layers[-1])

    return run


def _by_onnxruntime(image: np.ndarray, kernels: list[np.ndarray]) -> Callable[[], object]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_model(kernels, image.shape[-1]), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x0": image})


def onnx_model(kernels: list[np.ndarray], side: int) -> bytes:
    """3 × 3 convolutions with ReLU between them, as ONNX: its message, field by field."""
    graph: list[bytes] = []
    for number, kernel in enumerate(kernels):
        after = f"x{number + 1}" if number == len(kernels) - 1 else f"c{number}"
        graph.append(_field(1, _node("Conv", [f"x{number}", f"w{number}"], after)))
        if after.startswith("c"):
            graph.append(_field(1, _node("Relu", [after], f"x{number + 1}")))
        dims = b"".join(_field(1, size) for size in kernel.shape)
        tensor = dims + _field(2, FLOAT) + _field(8, f"w{number}") + _field(9, kernel.tobytes())
        graph.append(_field(5, tensor))
    end = side - 2 * len(kernels)
    graph += [_field(2, "convolutions"), _field(11, _value("x0", (1, kernels[0].shape[1], side, side)))]
    graph.append(_field(12, _value(f"x{len(kernels)}", (1, len(kernels[-1]), end, end))))
    return _field(1, IR) + _field(7, b"".join(graph)) + _field(8, _field(1, "") + _field(2, OPSET))


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    return b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind)


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, FLOAT) + _field(2, dims)))


def _field(number: int, value: int | str | bytes) -> bytes:
    """A field of a protobuf message: a whole number, or text or a message with its length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    digits = list(_sevens(value))
    return bytes([*(digit | 0x80 for digit in digits[:-1]), digits[-1]])


def _sevens(value: int) -> Iterator[int]:
    while value > 0x7F:
        yield value & 0x7F
        value >>= 7
    yield value


def time_all(blocks: Blocks, rounds: int) -> dict[str, list[float]]:
    """Seconds of each block in each round, in turns; a first round warms up."""
    runs: dict[str, list[float]] = {name: [] for name in blocks}
    for turn in range(rounds + 1):
        for name, block in blocks.items():
            started = time.perf_counter()
            block()
            if turn:
                runs[name].append(time.perf_counter() - started)
    return runs


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--cells", type=int, default=128, help="side of the block in WorldView's cells")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--devices", default="cpu", help="such as cpu,cuda")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    blocks = {
        **whole_blocks(options.cells, options.devices.split(",")),
        **band_sets(options.cells * RATIO),
        **convolutions(options.cells),
    }
    found = {}
    for name, seconds in time_all(blocks, options.rounds).items():
        speeds = sorted((options.cells * RATIO) ** 2 / 1e6 / each for each in seconds)
        found[name] = {"mpx_per_second": statistics.median(speeds), "range": [speeds[0], speeds[-1]]}
        print(f"{name:34} {found[name]['mpx_per_second']:6.1f} Mpx/s ({speeds[0]:.1f}–{speeds[-1]:.1f})")
    if options.json:
        keep(options.json, cells=options.cells, rounds=options.rounds, blocks=found)


if __name__ == "__main__":
    main()
