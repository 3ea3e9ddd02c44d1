"""How true is Orfeo ToolBox's sharpener on the real pair, and how clean?

    python benchmarks/others.py DATA/wv2 --json benchmarks/results/others.json

Runs BundleToPerfectSensor (Debian: otb-bin) through files, with its defaults, by the protocols of
`potato evaluate`, beside the predictor. Ratios to the predictor don't depend on the colour matrix.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from machine import keep, parser_of
from potato.core.color import mul_to_oklab
from potato.core.radiometry import counts_to_reflectance, reflectance_to_counts
from potato.core.sensor_table import WORKSHOP
from potato.core.windows import PairWindow
from potato.evaluation.protocols import Sharpen, displaced, full, plain
from potato.model.network import Sharpener, sharpen
from potato.raster.coordinates import grid_at
from potato.raster.pair import open_pair
from potato.raster.pictures import read_picture
from potato.raster.writer import write_image
from whole_process import OTB, otb_version


def otb(pan: Tensor, mul: Tensor) -> Tensor:
    """The program's colours: pan (b, 1, rh, rw) and mul (b, n, h, w) to Oklab (b, 3, rh, rw)."""
    return torch.stack([_otb(*one) for one in zip(pan, mul, strict=True)])


def _otb(pan: Tensor, mul: Tensor) -> Tensor:
    (rows, columns), ratio = mul.shape[-2:], pan.shape[-1] // mul.shape[-1]
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name) / f"{role}.tif" for role in ("pan", "mul", "sharp")]
        for path, image, scale in zip(files[:2], (pan, mul), (ratio, 1), strict=True):
            # A place in the middle of its zone: the program goes through longitude and latitude.
            grid = grid_at(rows * scale, columns * scale, 2.0 / scale)
            valid = np.ones(image.shape[1:], np.bool_)
            names = [f"band {number}" for number in range(1, len(image) + 1)]
            write_image(path, reflectance_to_counts(image), valid, grid, names)
        words = (OTB, "-inp", files[0], "-inxs", files[1], "-out", files[2], "float")
        subprocess.run([*map(str, words)], stdout=subprocess.DEVNULL, check=True)
        counts = read_picture(files[2], PairWindow(0, 0, rows, columns).pixels(ratio))
    bands = torch.from_numpy(counts_to_reflectance(counts.clip(1)))
    return mul_to_oklab(bands, WORKSHOP)


def figures(method: Sharpen, pan: Tensor, mul: Tensor) -> dict[str, float]:
    """ΔE by two protocols in JND, and the worst hundredth of the fringes."""
    return {
        "plain ds1": plain(method, pan, mul, 1, sensor=WORKSHOP),
        "displaced 0.35": displaced(method, pan, mul, 0.35, sensor=WORKSHOP),
        "fringe both": full(method, pan, mul, sensor=WORKSHOP).fringes["both"].p99,
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("folder", type=Path, help="folder of wv2-pan.tif and wv2-ms.tif")
    parser.add_argument("--json", help="where to keep the figures")
    options = parser.parse_args()
    with open_pair(options.folder / "wv2-pan.tif", options.folder / "wv2-ms.tif") as pair:
        pixels = pair.read(PairWindow(0, 0, pair.height, pair.width))
    pan = torch.from_numpy(counts_to_reflectance(pixels.pan))[None, None]
    mul = torch.from_numpy(counts_to_reflectance(pixels.mul))[None]
    network = Sharpener()
    with torch.inference_mode():
        base = figures(lambda *pair: sharpen(network, *pair), pan, mul)
        found = figures(otb, pan, mul)
    ratios = {key: found[key] / base[key] for key in base}
    print(f"predictor {base}\notb {found}\nratios {ratios}")
    if options.json:
        keep(options.json, otb={"version": otb_version(), "figures": found, "ratios": ratios})


if __name__ == "__main__":
    sys.exit(main())
