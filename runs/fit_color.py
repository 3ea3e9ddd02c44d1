"""Fit the band→XYZ matrix of `potato.core.color` to measured spectra, and compare choices.

    python runs/fit_color.py --data DATA [--pair PAN MUL] [--ridge 1.2e-4] [--curve curve.csv]

DATA holds `rsr/worldview2.csv` and `rsr/worldview3.csv` (spectral responses by 1 nm) and
`spectra/slum-shortwave.csv` (LUMA SLUM, percent); further spectra come from the installed
`earthlib`. Illuminant D65, CIE 1931 2° observer, both from `colour-science`. `docs/colour.md`
explains the method.
"""

import argparse
import csv
import hashlib
import importlib.util
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import colour
import numpy as np
import rasterio
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import nnls
from torch import Tensor

from potato.core.color import BANDS_TO_XYZ, D65, SRGB_TO_XYZ, delta_e_ok, xyz_to_oklab
from potato.core.resample import block_mean
from potato.core.sensors import BANDS, FIRST_ARRAY, RATIO, SCALE, VISIBLE
from potato.evaluation.methods import Sharpen
from potato.evaluation.protocols import displaced, full, plain

Array = NDArray[np.float64]

GRID = np.arange(380.0, 801.0)
"""Wavelengths in nm. Below a spectrum's first sample (mostly 400 nm) its first value is held."""

COVERED = (400.0, 720.0)
LARGEST_GAP = 15.0
"""A spectrum must be sampled over `COVERED` with no gap longer than this, in nm."""

SENSORS = ("worldview2", "worldview3")
RIDGES = (0.0, 3e-5, 6e-5, 1.2e-4, 2.4e-4, 4.8e-4, 9.6e-4)
KINDS = {"bare": "soil", "vegetation": "canopy", "npv": "dry", "burned": "dry", "built": "built"}
"""Our names of earthlib's second level; SLUM is all built."""


@dataclass(frozen=True)
class Spectrum:
    """A measured reflectance.

    Attributes:
        kind: one of the values of `KINDS`.
        sample: spectra of one sample are near-duplicates and go to one half.
        wavelengths: in nm, ascending.
        reflectance: 0..1, one per wavelength.
    """

    kind: str
    sample: str
    wavelengths: Array
    reflectance: Array

    def is_covered(self) -> bool:
        """Whether it is finite, physical, and sampled densely enough where eyes see."""
        first, last = COVERED
        inside = (self.wavelengths >= first) & (self.wavelengths <= last)
        steps = np.diff(np.concatenate([[first], self.wavelengths[inside], [last]]))
        values = self.reflectance[inside]
        return bool(steps.max() <= LARGEST_GAP and np.isfinite(values).all() and values.min() >= 0)


@dataclass(frozen=True)
class Library:
    """Spectra as the sensors and the eye see them.

    Attributes:
        bands: for each sensor, the reflectance in its visible bands (n, 5).
        xyz: the true colour (n, 3), Y = 1 for white.
        weights: (n,), sum 1, alike for each kind.
    """

    bands: dict[str, Array]
    xyz: Array
    weights: Array


def read_earthlib() -> Iterator[Spectrum]:
    """The spectra that the installed earthlib carries."""
    found = importlib.util.find_spec("earthlib")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("expected the package earthlib, found none: install potato[fit]")
    folder = Path(found.submodule_search_locations[0]) / "data"
    header = (folder / "spectra.sli.hdr").read_text()
    listed = re.search(r"^wavelength = \{([^}]*)\}", header, re.MULTILINE)
    if listed is None:
        raise SystemExit(f"expected wavelengths in {folder / 'spectra.sli.hdr'}, found none")
    wavelengths = 1000 * np.array(listed[1].split(","), dtype=float)
    values = np.fromfile(folder / "spectra.sli", "<f4").reshape(-1, wavelengths.size).astype(float)
    with (folder / "spectra.csv").open(newline="") as file:
        for row, reflectance in zip(csv.DictReader(file), values, strict=True):
            yield Spectrum(KINDS[row["LEVEL_2"]], _sample_of(row), wavelengths, reflectance)


def _sample_of(row: dict[str, str]) -> str:
    name, place = row["NAME"], f"{row['LAT']},{row['LON']}"
    if row["SOURCE"].startswith("icraf"):
        # A profile is a place; without a place (0, 0), each ten of consecutive numbers is a sample.
        return name[:-1] if place == "0,0" else place
    if "santa barbara" in row["NOTES"]:
        return name.split(".")[0]  # the rest counts repeated measurements of one material
    return name


def read_slum(path: Path) -> Iterator[Spectrum]:
    """The spectra of SLUM, from percent; suffixes after four characters are sides of a sample."""
    with path.open(newline="") as file:
        names, *rows = csv.reader(file)
    table = np.array(rows, dtype=float)
    for name, reflectance in zip(names[1:], table.T[1:] / 100, strict=True):
        yield Spectrum("built", f"slum {name[:4]}", table[:, 0], reflectance)


def is_held_out(spectra: Sequence[Spectrum]) -> NDArray[np.bool_]:
    """Half of each kind by whole samples: larger ones first, else in the order of their digest."""
    held: dict[tuple[str, str], bool] = {}
    for kind in sorted({s.kind for s in spectra}):
        samples = [s.sample for s in spectra if s.kind == kind]
        counts = {sample: samples.count(sample) for sample in set(samples)}
        halves = [0, 0]
        for sample in sorted(counts, key=lambda s: (-counts[s], hashlib.sha256(s.encode()).digest())):
            smaller = int(halves[1] < halves[0])
            held[kind, sample] = bool(smaller)
            halves[smaller] += counts[sample]
    return np.array([held[s.kind, s.sample] for s in spectra])


def observe(spectra: Sequence[Spectrum], responses: Path) -> Library:
    """The spectra in daylight (D65), as sensors and eye see them."""
    reflectance = np.stack([np.interp(GRID, s.wavelengths, s.reflectance) for s in spectra])
    shape = colour.SpectralShape(GRID[0], GRID[-1], 1)
    daylight = colour.SDS_ILLUMINANTS["D65"].copy().align(shape).values[:, None]
    eye = colour.MSDS_CMFS["CIE 1931 2 Degree Standard Observer"].copy().align(shape).values * daylight
    bands = {}
    for sensor in SENSORS:
        with (responses / f"{sensor}.csv").open(newline="") as file:
            names, *rows = csv.reader(file)
        table = np.array(rows, dtype=float)
        sampled = [np.interp(GRID, table[:, 0], table[:, names.index(b)]) for b in BANDS[:VISIBLE]]
        response = np.stack(sampled, 1) * daylight
        bands[sensor] = reflectance @ (response / response.sum(0))
    kinds = [s.kind for s in spectra]
    weights = np.array([1 / kinds.count(kind) for kind in kinds]) / len(set(kinds))
    return Library(bands, reflectance @ (eye / eye.sum(0) * D65), weights)


def fit(library: Library, ridge: float) -> Array:
    """Non-negative least squares for both sensors at once, with a ridge and exact white.

    Rows are weighted by (Y + 0.02)^(-4/3), which makes squared errors of XYZ about those of Oklab.

    Returns:
        The matrix (5, 3); its columns sum to `D65`.
    """
    weights = library.weights * (library.xyz[:, 1] + 0.02) ** (-4 / 3)
    root = np.sqrt(np.tile(weights / len(SENSORS), len(SENSORS)))[:, None]
    rows = np.vstack([library.bands[sensor] for sensor in SENSORS]) * root
    goals = np.tile(library.xyz, (len(SENSORS), 1)) * root
    white = 1e3 * np.ones((1, VISIBLE))  # so heavy that white comes out exact to about 1e-7
    system = np.vstack([rows, np.sqrt(ridge) * np.eye(VISIBLE), white])
    columns = []
    for channel, goal in enumerate(D65):
        right = np.concatenate([goals[:, channel], np.zeros(VISIBLE), [1e3 * goal]])
        columns.append(nnls(system, right)[0])
    return np.stack(columns, 1)


def rounded(matrix: Array) -> Array:
    """Four decimals; a fifth in each column's largest entry makes its sum exactly white."""
    result = matrix.round(4)
    for channel, goal in enumerate(D65):
        largest = result[:, channel].argmax()
        result[largest, channel] = round(result[largest, channel] + goal - result[:, channel].sum(), 5)
    return result


def oklab_of(xyz: Array) -> Tensor:
    """XYZ (n, 3) to Oklab as an image (3, n, 1)."""
    return xyz_to_oklab(torch.from_numpy(np.ascontiguousarray(xyz.T))[..., None])


def distance(first: Tensor, second: Tensor) -> Array:
    """JND between two results of `oklab_of`."""
    return np.asarray(delta_e_ok(first, second)[:, 0])


def evaluate_on_spectra(matrix: Array, library: Library) -> dict[str, float]:
    """Colour errors on spectra, in JND: mean, 95th percentile (weighted), largest, by sensor."""
    figures = {}
    for sensor in SENSORS:
        error = distance(oklab_of(library.bands[sensor] @ matrix), oklab_of(library.xyz))
        order = error.argsort()
        last = np.searchsorted(np.cumsum(library.weights[order]), 0.95)
        short = sensor.replace("worldview", "wv")
        figures[f"{short}_mean"] = float(error @ library.weights)
        figures[f"{short}_p95"] = float(error[order][last])
        figures[f"{short}_max"] = float(error.max())
    return figures


def evaluate_robustness(matrix: Array, library: Library) -> dict[str, float]:
    """Errors that the matrix makes of faults of the bands, in JND.

    Returns:
        `noise`: root mean square for a grey of reflectance 0.1 with independent noise of 0.001 in
        each band. `edge`: mean of chroma halfway up edges between two spectra, or one and its shade
        (a quarter as bright), one mul pixel wide, where the band arrays are 0.2 mul pixels apart.
    """
    grey = np.full((1, VISIBLE), 0.1)
    noisy = grey + 0.001 * np.eye(VISIBLE)
    noise = distance(oklab_of(noisy @ matrix), oklab_of(np.repeat(grey, VISIBLE, 0) @ matrix))
    generator = np.random.default_rng(0)
    first, second = generator.choice(library.weights.size, (2, 4000), p=library.weights)
    side = np.array([0.1 if band in FIRST_ARRAY else -0.1 for band in BANDS[:VISIBLE]])
    edges = []
    for sensor in SENSORS:
        one, other = library.bands[sensor][first], library.bands[sensor][second]
        other[::2] = one[::2] / 4
        middle = oklab_of((one + other) / 2 @ matrix)
        moved = oklab_of(((one + other) / 2 + (one - other) * side) @ matrix)
        moved[0] = middle[0]  # chroma alone
        edges.append(distance(moved, middle).mean())
    return {"noise": float(np.sqrt((noise**2).sum())), "edge": float(np.mean(edges))}


def evaluate_on_pair(matrix: Array, pan: Tensor, mul: Tensor) -> dict[str, float]:
    """The bare predictor on a real pair, by `potato.evaluation.protocols`."""
    weights = torch.from_numpy(matrix).to(mul)

    def colour_of(image: Tensor) -> Tensor:
        return xyz_to_oklab(torch.einsum("bnhw,nc->bchw", image[:, :VISIBLE], weights))

    sharpen = predictor(colour_of)
    seen = full(sharpen, pan, mul, colour_of)
    return {
        "ds0": plain(sharpen, pan, mul, 0, colour_of),
        "ds1": plain(sharpen, pan, mul, 1, colour_of),
        "fringe_mean": seen.fringe_mean,
        "fringe_p99": seen.fringe_p99,
        "detail": seen.detail,
        "consistency": seen.consistency,
        **{f"apart_{d}": displaced(sharpen, pan, mul, d, colour_of) for d in (0.0, 0.35, 0.6)},
    }


def predictor(colour_of: Callable[[Tensor], Tensor]) -> Sharpen:
    """Bicubic Oklab, times the cube root of pan over the bicubic of its block mean."""

    def upsample(image: Tensor) -> Tensor:
        return F.interpolate(image, scale_factor=RATIO, mode="bicubic")

    def sharpen(pan: Tensor, mul: Tensor) -> Tensor:
        shading = pan / upsample(block_mean(pan)).clamp_min(1e-4)
        return upsample(colour_of(mul)) * shading.clamp_min(0) ** (1 / 3)

    return sharpen


def read_pair(pan: str, mul: str) -> tuple[Tensor, Tensor]:
    """Reflectance pan (1, 1, 4h, 4w) and mul (1, 8, h, w) from two files, whole."""
    images = []
    for path in (pan, mul):
        with rasterio.open(path) as dataset:
            images.append(torch.from_numpy(dataset.read().astype(np.float32) / SCALE)[None])
    return images[0], images[1]


def main() -> None:
    """Parse, fit, evaluate, print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True, help="folder with rsr/ and spectra/")
    parser.add_argument("--pair", nargs=2, metavar=("PAN", "MUL"), help="a real pair to evaluate on")
    parser.add_argument("--ridge", type=float, default=1.2e-4, help="the ridge whose matrix is printed")
    parser.add_argument("--curve", type=Path, help="write all figures to this CSV file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    everything = [*read_earthlib(), *read_slum(arguments.data / "spectra" / "slum-shortwave.csv")]
    spectra = [s for s in everything if s.is_covered()]
    held_out = is_held_out(spectra)
    halves = [[s for s, out in zip(spectra, held_out, strict=True) if out == half] for half in (False, True)]
    fitted, held = (observe(half, arguments.data / "rsr") for half in halves)
    print(f"{len(spectra)} spectra, {len(everything) - len(spectra)} left out (coverage)")
    for kind in sorted(set(KINDS.values())):
        print(f"  {kind}: {' + '.join(str(sum(s.kind == kind for s in half)) for half in halves)}")

    chosen = rounded(fit(fitted, arguments.ridge))
    srgb = np.zeros((VISIBLE, 3))
    srgb[[BANDS.index(name) for name in ("red", "green", "blue")]] = np.array(SRGB_TO_XYZ).T
    matrices = {
        "bands as sRGB": srgb,
        **{f"ridge {ridge:g}": fit(fitted, ridge) for ridge in RIDGES},
        f"{arguments.ridge:g} rounded": chosen,
        "in potato.core.color": np.array(BANDS_TO_XYZ),
    }
    pair = read_pair(*arguments.pair) if arguments.pair else None
    rows: list[dict[str, float | str]] = []
    for name, matrix in matrices.items():
        figures = evaluate_on_spectra(matrix, held) | evaluate_robustness(matrix, held)
        if pair is not None:
            figures |= evaluate_on_pair(matrix, *pair)
        if not rows:
            print(" " * 16 + " ".join(f"{key:>11}" for key in figures))
        print(f"{name:16}" + " ".join(f"{value:11.3f}" for value in figures.values()), flush=True)
        rows.append({"matrix": name, **figures})
    if arguments.curve:
        with arguments.curve.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    print("\nBANDS_TO_XYZ = (")
    for band, (x, y, z) in zip(BANDS[:VISIBLE], chosen.tolist(), strict=True):
        print(f"    ({x}, {y}, {z}),  # {band}")
    print(")")


if __name__ == "__main__":
    main()
