"""Draw windows of real pairs as several sharpeners see them, beside each other, for the eye.

    python runs/look.py OUT [--data DIR] [--pair NAME]... [--weights FILE]...
    [--window ROW COLUMN HEIGHT WIDTH]... [--zoom N]...

Writes OUT/NAME-1x.png and OUT/NAME-3x.png for each pair of DATA, as `real_pairs.py` finds them: a
row for each window, a column for pan, one for the predictor, and one for each of the weights that
fit the pair. A row is labelled with its place in pan pixels. Without --window, the windows are
those in which the predictor has most fringes.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from potato.core.draw import GUTTER, render_pan
from potato.core.full_scale import fringes
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import NATURAL, render
from potato.core.resample import block_mean
from potato.core.windows import PairWindow
from potato.model.network import Sharpener, sharpen
from potato.model.weights import PREDICTOR, load_model
from potato.raster.gdal_env import gdal
from potato.raster.layer import Reading
from potato.raster.pair import open_pair
from real_pairs import RealPair, find_pairs

SIDE, COUNT = 96, 5
"""Pan pixels along a window that is chosen for its fringes, and how many are."""

LABEL = 14
"""Pixels above a row or a column for its label."""

Window = tuple[int, int, int, int]
"""Row, column, height and width in pan pixels."""


def read(pair: RealPair) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Reflectance of pan (rh, rw) and mul (n, h, w), cells that pan covers in part left out."""
    with gdal(), open_pair(pair.pan, pair.mul, reading=Reading(pair.sensor)) as opened:
        rows, columns = opened.grid.height // opened.ratio, opened.grid.width // opened.ratio
        pixels = opened.read(PairWindow(0, 0, rows, columns))
    return counts_to_reflectance(pixels.pan), counts_to_reflectance(pixels.mul)


def results(
    pair: RealPair, pan: NDArray[np.float32], mul: NDArray[np.float32], weights: Sequence[str | None]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The name and Oklab (3, rh, rw) of the predictor and of each of the weights that fit."""
    images = torch.from_numpy(pan)[None, None], torch.from_numpy(mul)[None]
    for name in (PREDICTOR, *weights):
        model = load_model(name)
        if model.architecture.fits(pair.sensor):
            label = "shipped" if name is None else "/".join(Path(name).with_suffix("").parts[-2:])
            with torch.inference_mode():
                yield label, sharpen(Sharpener.of(model, pair.sensor), *images, pair.sensor)[0].numpy()


def choose_windows(oklab: NDArray[np.float32], ratio: int) -> list[Window]:
    """The windows of a result (3, rh, rw) with most fringes, from the top downwards."""
    both = fringes(oklab, ratio)[-1]
    height, width = (side // SIDE * SIDE for side in both.shape)
    means = block_mean(both[:height, :width], SIDE)
    chosen = sorted(np.argsort(means.ravel())[::-1][:COUNT].tolist())
    places = (divmod(place, means.shape[1]) for place in chosen)
    return [(row * SIDE, column * SIDE, SIDE, SIDE) for row, column in places]


def sheet(pictures: dict[str, NDArray[np.uint8]], windows: Sequence[Window], zoom: int) -> Image.Image:
    """Windows of pictures (3, rh, rw) by name, enlarged by repetition, with labels."""
    widest = zoom * max(width for *_, width in windows) + GUTTER
    heights = [LABEL + zoom * height for _, _, height, _ in windows]
    drawn = Image.new("RGB", (len(pictures) * widest, LABEL + sum(heights)), "white")
    pen, top = ImageDraw.Draw(drawn), LABEL
    for number, name in enumerate(pictures):
        pen.text((number * widest, 0), name, fill="black")
    for (row, column, height, width), tall in zip(windows, heights, strict=True):
        pen.text((0, top), f"{row} {column} {height} {width}", fill="black")
        for number, picture in enumerate(pictures.values()):
            part = picture[:, row : row + height, column : column + width]
            part = part.repeat(zoom, 1).repeat(zoom, 2).transpose(1, 2, 0)
            drawn.paste(Image.fromarray(np.ascontiguousarray(part)), (number * widest, top + LABEL))
        top += tall
    return drawn


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("POTATO_DATA", "data")))
    parser.add_argument("--pair", action="append", help="default: all")
    parser.add_argument("--weights", action="append", help="a checkpoint; default: the shipped weights")
    parser.add_argument("--window", action="append", nargs=4, type=int, help="in pan pixels")
    parser.add_argument("--zoom", action="append", type=int, help="default: 1 and 3")
    return parser.parse_args()


def main() -> None:
    """Draw."""
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    for pair in find_pairs(options.data):
        if options.pair and pair.name not in options.pair:
            continue
        pan, mul = read(pair)
        found = dict(results(pair, pan, mul, options.weights or [None]))
        windows = options.window or choose_windows(found[PREDICTOR], pair.sensor.ratio)
        pictures = {"pan": render_pan(pan), **{name: render(one, NATURAL) for name, one in found.items()}}
        codes = {name: picture.astype(np.uint8) for name, picture in pictures.items()}
        for zoom in options.zoom or (1, 3):
            path = options.out / f"{pair.name}-{zoom}x.png"
            sheet(codes, windows, zoom).save(path)
            print(path)


if __name__ == "__main__":
    main()
