"""Vegetation under pan that sees near infrared: the plain predictor and the corrected one.

    python runs/vegetation.py DATA OUT

DATA holds real pairs: `pairs/NAME-pan.tif` and `-ms.tif` with counts of unknown scale, and `wv2/`
and `wv3/` with reflectance. Prints tables in Markdown, and draws windows of 96 pan pixels, four
times as large, into OUT/vegetation-clear.png and vegetation-haze.png: of each pair whose sensor
gets the correction, the window with most edges of vegetation and the one that the correction
changes most; from the left, plain, corrected, by Brovey's transform, and pan.

- Δ, of Wald's protocol at its scale (ds0) and halved before (ds1): mean ΔE in JND at edges of
  vegetation, elsewhere in vegetation, and of all pixels.
- Bias: mean error of L in JND at the edges, on the vegetated and on the bare side.
- Detail, fringes and consistency: of `core.full_scale`. Contrast: of L's detail, by the plain one.

Every pair is measured twice, in reflectance with the haze removed and with haze. Pairs that are
marked as plain don't get the correction, and show what it would do.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from potato.core.color import JND, delta_e_ok, mul_to_oklab
from potato.core.draw import render_pan, side_by_side
from potato.core.full_scale import FullScaleCounts, FullScaleWindow, high_pass
from potato.core.platforms import find_sensor
from potato.core.render import NATURAL, render
from potato.core.resample import block_mean, upsample
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import SCALE, Sensor
from potato.evaluation.cases import crop_to_multiple, plain_case
from potato.model.network import sharpen
from potato.model.weights import load_model
from potato.raster.encoding import write_png
from real_pairs import DARKEST, PAIRS, REFLECTANCE, calibrate

HAZE = {"coastal": 0.11, "blue": 0.08, "green": 0.05, "yellow": 0.04, "red": 0.03, "pan": 0.03}
"""Reflectance that a clear atmosphere adds to a band; 0.012 to others."""

METHODS = ("plain", "corrected", "Brovey")
SIDE, ZOOM, BORDER = 96, 4, 6
"""Pan pixels of a window, how much it is enlarged, and the border that isn't judged."""


class Scene(NamedTuple):
    """A pair in reflectance.

    Attributes:
        name: that of its files.
        sensor: its sensor.
        pan: (1, 1, 4h, 4w).
        mul: (1, n, h, w).
        vegetation: NDVI (1, 1, h, w), without haze.
    """

    name: str
    sensor: Sensor
    pan: Tensor
    mul: Tensor
    vegetation: Tensor


def read_scene(data: Path, name: str, haze: bool) -> Scene:
    """A pair, with the haze removed or with `HAZE`."""
    sensor, path = find_sensor(PAIRS[name]), next(data.glob(f"*/{name}-pan.tif"))
    assert sensor is not None
    with rasterio.open(path) as pan_file, rasterio.open(path.with_name(f"{name}-ms.tif")) as mul_file:
        pan, mul = pan_file.read().astype(float), mul_file.read().astype(float)
    mul = crop_to_multiple(torch.from_numpy(mul)[None], 8)
    pan = torch.from_numpy(pan)[None, ..., : 4 * mul.shape[2], : 4 * mul.shape[3]]
    if name in REFLECTANCE:
        pan, mul = pan / SCALE, mul / SCALE
    else:
        pan, mul = reflectance_of(pan, mul)
    red, infrared = (mul[:, [place_of(sensor, band)]] for band in ("red", "nir"))
    vegetation = (infrared - red) / (infrared + red + 1e-6)
    if haze:
        added = [HAZE.get(band, 0.012) for band in sensor.bands]
        pan, mul = pan + HAZE["pan"], mul + torch.tensor(added).reshape(1, -1, 1, 1)
    return Scene(name, sensor, pan.float(), mul.float(), vegetation.float())


def place_of(sensor: Sensor, band: str) -> int:
    """The position of a band, of near infrared that of the first."""
    return next(place for place, name in enumerate(sensor.bands) if name.rstrip("1") == band)


def reflectance_of(pan: Tensor, mul: Tensor) -> tuple[Tensor, Tensor]:
    """Counts of four bands as approximate reflectance, by `real_pairs.calibrate`."""
    gains, darkest = (values[:, None, None] for values in calibrate(pan, mul))
    bands, fine = (mul - darkest[:4]).clamp_min(0), (pan - darkest[4]).clamp_min(0)
    return DARKEST + fine * gains[4], DARKEST + bands * gains[:4]


def sharpened(scene: Scene, method: str, pan: Tensor, mul: Tensor) -> Tensor:
    """Oklab of a pair of this scene's sensor by one of `METHODS`."""
    if method == "Brovey":
        places = [scene.sensor.bands.index(band) for band in ("blue", "green", "red")]
        enlarged = enlarge(mul)
        return mul_to_oklab(
            enlarged * pan / enlarged[:, places].mean(1, keepdim=True).clamp_min(1e-3), scene.sensor
        )
    count, infrared = len(scene.sensor.bands), place_of(scene.sensor, "nir")
    seen = infrared if method == "corrected" else 0
    weights = tuple(float(place == seen) for place in range(count))
    return sharpen(load_model("predictor"), pan, mul, replace(scene.sensor, pan_weights=weights))


def enlarge(image: Tensor) -> Tensor:
    """Bicubic upsampling by 4, borders repeated."""
    return upsample(F.pad(image, [2] * 4, mode="replicate"), 4)


def places(vegetation: Tensor) -> dict[str, Tensor]:
    """Masks (h, w) of NDVI (1, 1, h, w): both sides of the edges, edges, vegetation, and all."""
    high = F.max_pool2d(vegetation, 5, 1, 2)
    low = -F.max_pool2d(-vegetation, 5, 1, 2)
    edge = (high - low > 0.25) & (high > 0.3)
    green = vegetation > (high + low) / 2
    found = {
        "vegetated": edge & green,
        "bare": edge & ~green,
        "edges": edge,
        "vegetation": ~edge & (vegetation > 0.35),
        "all": torch.ones_like(edge),
    }
    inside = F.pad(torch.ones_like(edge)[..., BORDER:-BORDER, BORDER:-BORDER], [BORDER] * 4)
    return {name: (mask & inside)[0, 0] for name, mask in found.items()}


def by_wald(scene: Scene, halvings: int) -> Iterator[list[str]]:
    """A row of figures for each method, with a truth."""
    mul = crop_to_multiple(scene.mul, 4 << halvings)
    pan = scene.pan[..., : 4 * mul.shape[2], : 4 * mul.shape[3]]
    vegetation = block_mean(scene.vegetation[..., : mul.shape[2], : mul.shape[3]], 1 << halvings)
    case = plain_case(pan, mul, scene.sensor, halvings)
    masks = places(vegetation)
    for method in METHODS:
        found = sharpened(scene, method, case.pan, case.mul)
        error, bias = delta_e_ok(found, case.truth)[0], (found - case.truth)[0, 0] / JND
        yield [
            *(f"{error[masks[name]].mean():.2f}" for name in ("edges", "vegetation", "all")),
            *(f"{bias[masks[name]].mean():+.2f}" for name in ("vegetated", "bare")),
        ]


def at_full_scale(scene: Scene) -> Iterator[list[str]]:
    """A row of figures for each method, without a truth."""
    pan, mul = scene.pan[0, 0].numpy(), scene.mul[0].numpy()
    valid = np.ones(pan.shape, bool), np.ones(mul.shape[1:], bool)
    window = FullScaleWindow.of_pair(pan, mul, *valid, scene.sensor)
    contrasts = []
    for method in METHODS:
        oklab, counts = sharpened(scene, method, scene.pan, scene.mul)[0].numpy(), FullScaleCounts()
        counts.add(oklab, window)
        figures = counts.figures
        contrasts.append(float(high_pass(oklab[0], scene.sensor.ratio).std()))
        yield [
            f"{figures.detail:.3f}",
            f"{contrasts[-1] / contrasts[0]:.2f}",
            f"{figures.fringes['a'].p99:.2f}",
            f"{figures.consistency:.2f}",
        ]


def windows(scene: Scene) -> list[tuple[slice, slice]]:
    """Pan pixels of the windows that are drawn."""
    plain, corrected = (sharpened(scene, method, scene.pan, scene.mul) for method in METHODS[:2])
    change = block_mean(delta_e_ok(plain, corrected)[None], WORKSHOP.ratio)
    edges = (places(scene.vegetation)["edges"] & (scene.vegetation > 0.35)).float()
    found = []
    for score in (edges, change):
        means = block_mean(crop_to_multiple(score, SIDE // 4), SIDE // 4)[0, 0]
        row, column = divmod(int(means.argmax()), means.shape[1])
        found.append((slice(row * SIDE, (row + 1) * SIDE), slice(column * SIDE, (column + 1) * SIDE)))
    return found


def draw(scene: Scene) -> Iterator[NDArray[np.float32]]:
    """Windows of a scene by every method, and pan, side by side."""
    pictures = [render(sharpened(scene, method, scene.pan, scene.mul)[0], NATURAL) for method in METHODS]
    pan = scene.pan[0, 0]
    grey = render_pan((pan * (0.2 / pan.median())).clamp(0, 1))
    for rows, columns in windows(scene):
        strip = [picture[:, rows, columns] for picture in (*pictures, grey)]
        yield side_by_side(
            *(part.repeat_interleave(ZOOM, 1).repeat_interleave(ZOOM, 2) for part in strip)
        ).numpy()


def table(title: str, columns: str, rows: dict[str, Iterator[list[str]]]) -> None:
    """Print rows for each pair and method as Markdown."""
    names = ["pair", "method", *columns.split(", ")]
    print(f"\n**{title}**\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for pair, lines in rows.items():
        for method, figures in zip(METHODS, lines, strict=True):
            print(f"| {pair} | {method} | {' | '.join(figures)} |", flush=True)


def main() -> None:
    """Print the tables and draw the windows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    for haze in (False, True):
        scenes = [read_scene(arguments.data, name, haze) for name in PAIRS]
        sky = "with haze" if haze else "haze removed"
        names = {
            f"{scene.name}{'' if scene.sensor.pan_sees_infrared else ' (plain)'}": scene for scene in scenes
        }
        for halvings in (0, 1):
            columns = "Δ edges, Δ vegetation, Δ all, bias vegetated, bias bare"
            rows = {name: by_wald(scene, halvings) for name, scene in names.items()}
            table(f"Wald's protocol, ds{halvings}, {sky}", columns, rows)
        columns = "detail, contrast, fringe p99, consistency"
        table(f"Full scale, {sky}", columns, {name: at_full_scale(scene) for name, scene in names.items()})
        strips = [strip for scene in scenes if scene.sensor.pan_sees_infrared for strip in draw(scene)]
        sheet = np.concatenate(
            [part for strip in strips for part in (strip, np.full_like(strip[:, :8], 255))], 1
        )
        write_png(arguments.out / f"vegetation-{'haze' if haze else 'clear'}.png", sheet.astype(np.uint8))


if __name__ == "__main__":
    with torch.inference_mode():
        main()
