"""Fit each sensor's matrix to XYZ and shares of pan to measured spectra, and compare choices.

    python runs/fit_color.py --data DATA [--ridge 1.2e-4] [--curve curve.csv]

DATA holds `rsr/` (spectral responses by 1 nm, a file for each satellite),
`spectra/slum-shortwave.csv` (LUMA SLUM, percent) and the images of `IMAGES`; further spectra come
from the installed `earthlib`. Illuminant D65, CIE 1931 2° observer, both from `colour-science`.
The numbers in `potato.core.sensor_table` are those that this prints; `docs/colour.md` explains
the method.
"""

import argparse
import csv
import hashlib
import importlib.util
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import colour
import numpy as np
import rasterio
from numpy.typing import NDArray
from scipy.ndimage import shift
from scipy.optimize import nnls

from potato.core.color import D65, SRGB_TO_XYZ, delta_e_ok, xyz_to_oklab
from potato.core.platforms import find_sensor

Array = NDArray[np.float64]

GRID = np.arange(380.0, 1101.0)
"""Wavelengths in nm. Below a spectrum's first sample (mostly 400 nm) its first value is held."""

LAST_VISIBLE = 800.0
"""Wavelength in nm up to which responses count for the colour."""

COVERED = (400.0, 720.0)
LARGEST_GAP = 15.0
"""A spectrum must be sampled over `COVERED` with no gap longer than this, in nm."""

VISIBLE = ("coastal", "blue", "green", "yellow", "red")
RIDGES = (0.0, 6e-5, 1.2e-4, 2.4e-4, 4.8e-4, 9.6e-4)
PAN_RIDGE = 0.03
KINDS = {"bare": "soil", "vegetation": "canopy", "npv": "dry", "burned": "dry", "built": "built"}
"""Our names of earthlib's second level; SLUM is all built."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "WV02": ("worldview2", "worldview3"),
    "LG01": ("legion1", "legion2", "legion3", "legion4", "legion5", "legion6"),
    "GE01": ("geoeye1", "worldview4"),
    "QB02": ("quickbird2",),
    "IK02": ("ikonos2",),
    "PHR1A": ("pleiades1a", "pleiades1b"),
    "SPOT6": ("spot6",),
    "SPOT7": ("spot7",),
    "SkySat": ("skysat1", "skysat14"),
    "GF6": ("gaofen6",),
    "PNEO3": ("pleiadesneo3", "pleiadesneo4"),
    "LC08": ("landsat8", "landsat9"),
    "LE07": ("landsat7",),
}
"""The first sensor of each family, and the satellites whose responses its numbers are fitted to."""

FAMILIES["four-band"] = sum(list(FAMILIES.values())[2:10], ())
FAMILIES |= {f"{name[:-2]}-BGRN": FAMILIES[name] for name in ("WV02", "LG01", "LC08")}
FAMILIES["PNEO-BGRN"] = FAMILIES["PNEO3"]

IMAGES = {
    "WV02": ("wv2/wv2-ms.tif",),
    "GE01": ("pairs/geoeye1-left-ms.tif",),
    "QB02": ("pairs/quickbird-ms.tif",),
    "IK02": ("pairs/ikonos-left-ms.tif",),
    "PHR1A": ("pairs/pleiades-park-ms.tif",),
    "SPOT6": ("pairs/spot6-cropland-ms.tif",),
    "GF6": ("pairs/gaofen2-a-ms.tif",),
    "LC08": ("landsat8/*_B2.TIF", "landsat8/*_B2.TIF", "landsat8/*_B3.TIF", "landsat8/*_B4.TIF"),
}
"""A real mul of a family: one file, or one for each visible band. Landsat's has no coastal band;
blue stands in for it."""


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
    """Spectra, and how the eye sees them.

    Attributes:
        reflectance: on `GRID` (n, 721).
        xyz: in daylight (n, 3), Y = 1 for white.
        weights: (n,), sum 1, alike for each kind.
    """

    reflectance: Array
    xyz: Array
    weights: Array

    def seen_by(self, responses: Array) -> Array:
        """Reflectance (n, b) in bands whose responses to light are (721, b)."""
        return self.reflectance @ (responses / responses.sum(0))


@dataclass(frozen=True)
class Responses:
    """Relative spectral responses of a satellite.

    Attributes:
        bands: their names, in the order of their wavelengths.
        mul: on `GRID` (721, b), largest 1.
        pan: (721,).
    """

    bands: tuple[str, ...]
    mul: Array
    pan: Array

    @property
    def visible(self) -> Array:
        """Responses of the visible bands to daylight (721, v)."""
        columns = [self.bands.index(band) for band in VISIBLE if band in self.bands]
        return self.mul[:, columns] * daylight()


def read_earthlib() -> Iterator[Spectrum]:
    """The spectra that the installed earthlib carries."""
    found = importlib.util.find_spec("earthlib")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("expected the package earthlib, found none: install potato-pansharp[fit]")
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
        counts = Counter(s.sample for s in spectra if s.kind == kind)
        halves = [0, 0]
        for sample in sorted(counts, key=lambda s: (-counts[s], hashlib.sha256(s.encode()).digest())):
            smaller = int(halves[1] < halves[0])
            held[kind, sample] = bool(smaller)
            halves[smaller] += counts[sample]
    return np.array([held[s.kind, s.sample] for s in spectra])


def make_library(spectra: Sequence[Spectrum]) -> Library:
    """The spectra on `GRID`, and as the eye sees them in daylight (D65)."""
    reflectance = np.stack([np.interp(GRID, s.wavelengths, s.reflectance) for s in spectra])
    observer = colour.MSDS_CMFS["CIE 1931 2 Degree Standard Observer"].copy().align(_shape()).values
    eye = _extended(observer) * daylight()
    counts = Counter(s.kind for s in spectra)
    weights = np.array([1 / counts[s.kind] for s in spectra]) / len(counts)
    return Library(reflectance, reflectance @ (eye / eye.sum(0) * D65), weights)


def read_halves(data: Path) -> tuple[Library, Library]:
    """The library to fit, and the one to judge by."""
    everything = [*read_earthlib(), *read_slum(data / "spectra" / "slum-shortwave.csv")]
    spectra = [s for s in everything if s.is_covered()]
    held_out = is_held_out(spectra)
    fitted, held = (
        [s for s, out in zip(spectra, held_out, strict=True) if out == half] for half in (False, True)
    )
    return make_library(fitted), make_library(held)


def daylight() -> Array:
    """D65 on `GRID` (721, 1), 0 beyond `LAST_VISIBLE`."""
    return _extended(colour.SDS_ILLUMINANTS["D65"].copy().align(_shape()).values[:, None])


def sunlight() -> Array:
    """A black body of 5772 K on `GRID` (721, 1), in any unit: Planck's law."""
    metres = GRID[:, None] * 1e-9
    return metres**-5 / np.expm1(0.0143878 / (metres * 5772))


def _shape() -> colour.SpectralShape:
    return colour.SpectralShape(GRID[0], LAST_VISIBLE, 1)


def _extended(values: Array) -> Array:
    return np.pad(values, ((0, GRID.size - len(values)), (0, 0)))


def read_family(data: Path, name: str) -> dict[str, Responses]:
    """The responses of a family's satellites: of all bands, or of four where the name says so."""
    family = {one: read_responses(data / "rsr" / f"{one}.csv") for one in FAMILIES[name]}
    if not name.endswith("-BGRN"):
        return family
    bands = next(iter(family.values())).bands
    four = [bands.index(band) for band in ("blue", "green", "red", "nir1" if "nir1" in bands else "nir")]
    return {
        one: replace(each, bands=("blue", "green", "red", "nir"), mul=each.mul[:, four])
        for one, each in family.items()
    }


def read_responses(path: Path) -> Responses:
    """Responses from a table with columns of wavelengths, pan and bands."""
    with path.open(newline="") as file:
        names, *rows = csv.reader(file)
    table = np.array(rows, dtype=float)
    pan, *bands = (np.interp(GRID, table[:, 0], column) for column in table.T[1:])
    return Responses(tuple(names[2:]), np.stack(bands, 1), pan)


def fit(library: Library, satellites: Sequence[Responses], ridge: float, signed: bool) -> Array:
    """Least squares for several satellites at once, with a ridge and exact white.

    Rows are weighted by (Y + 0.02)^(-4/3), which makes squared errors of XYZ about those of Oklab.

    Args:
        library: the spectra to fit.
        satellites: those that share the matrix; all have the same v visible bands.
        ridge: penalty on the squares of the coefficients.
        signed: whether coefficients may be negative.

    Returns:
        The matrix (v, 3); its columns sum to `D65`.
    """
    weights = library.weights * (library.xyz[:, 1] + 0.02) ** (-4 / 3) / len(satellites)
    root = np.sqrt(weights)[:, None]
    rows = [library.seen_by(responses.visible) * root for responses in satellites]
    bands = rows[0].shape[1]
    white = 1e3 * np.ones((1, bands))  # so heavy that white comes out exact to about 1e-7
    system = np.vstack([*rows, np.sqrt(ridge) * np.eye(bands), white])
    goals = np.vstack([*[library.xyz * root] * len(satellites), np.zeros((bands, 3)), [1e3 * np.array(D65)]])
    if signed:
        return np.asarray(np.linalg.lstsq(system, goals)[0])
    return np.stack([nnls(system, goal)[0] for goal in goals.T], 1)


def fit_pan(library: Library, satellites: Sequence[Responses], ridge: float = PAN_RIDGE) -> Array:
    """The share of each band in pan (b,): not negative, sum 1.

    They predict what pan sees of the spectra in sunlight, with least squares of the relative error.
    Bands that look alike to the spectra are told apart by a ridge towards the overlap of the
    responses: at each wavelength, pan's response is shared among bands in proportion to theirs.
    """
    rows, goals, overlaps = [], [], []
    for responses in satellites:
        mul, pan = responses.mul * sunlight(), responses.pan[:, None] * sunlight()
        overlap = (pan * responses.mul / responses.mul.sum(1, keepdims=True).clip(0.05)).sum(0)
        overlaps.append(overlap / overlap.sum())
        seen = library.seen_by(pan)
        root = np.sqrt(library.weights / len(satellites))[:, None] / (seen + 0.02)
        rows.append(library.seen_by(mul) * root)
        goals.append((seen * root)[:, 0])
    bands = rows[0].shape[1]
    system = np.vstack([*rows, np.sqrt(ridge) * np.eye(bands), 1e3 * np.ones((1, bands))])
    nearest = np.sqrt(ridge) * np.mean(overlaps, 0)
    return np.asarray(nnls(system, np.concatenate([*goals, nearest, [1e3]]))[0])


def pan_error(shares: Array, library: Library, responses: Responses) -> float:
    """Root mean square (weighted) of the relative error of pan as the sum of the bands' shares."""
    seen = library.seen_by(responses.pan[:, None] * sunlight())[:, 0]
    error = (library.seen_by(responses.mul * sunlight()) @ shares - seen) / (seen + 0.02)
    return float(np.sqrt(error**2 @ library.weights))


def rounded(values: Array, total: Sequence[float], decimals: int) -> Array:
    """Rounded columns (n, c); a further decimal in each one's largest entry makes its sum exact."""
    result = values.round(decimals)
    for column, goal in enumerate(total):
        largest = result[:, column].argmax()
        exact = result[largest, column] + goal - result[:, column].sum()
        result[largest, column] = round(exact, decimals + 1)
    return result


def oklab_of(matrix: Array, bands: Array) -> Array:
    """Bands (v, …) to Oklab as an image (3, h, w)."""
    image = bands.reshape(len(bands), -1, bands.shape[-1])
    return xyz_to_oklab(np.einsum("bc,bhw->chw", matrix, image))


def colour_error(matrix: Array, library: Library, responses: Responses) -> tuple[float, float]:
    """Mean and 95th percentile (weighted) of the colour errors on spectra, in JND."""
    bands = library.seen_by(responses.visible)
    error = delta_e_ok(oklab_of(matrix, bands.T), oklab_of(np.eye(3), library.xyz.T))[0]
    order = error.argsort()
    last = np.searchsorted(np.cumsum(library.weights[order]), 0.95)
    return float(error @ library.weights), float(error[order][last])


def noise(matrix: Array, image: Array) -> float:
    """What noise of 1 % in each visible band becomes in Oklab: root mean square, in JND."""
    plain = oklab_of(matrix, image)
    noisy = [image * (1 + 0.01 * one)[:, None, None] for one in np.eye(len(image))]
    return float(np.sqrt(sum((delta_e_ok(oklab_of(matrix, each), plain) ** 2).mean() for each in noisy)))


def fringe(matrix: Array, image: Array) -> float:
    """Mean change of chroma, in JND, where one visible band lies 0.3 mul pixels beside the others.

    It is the mean over bands, and over displacements to the right and downwards.
    """
    plain, found = oklab_of(matrix, image), []
    for band in range(len(image)):
        for offset in ((0, 0.3), (0.3, 0)):
            moved = image.copy()
            moved[band] = shift(image[band], offset, mode="nearest")
            chroma = oklab_of(matrix, moved)
            chroma[0] = plain[0]
            found.append(delta_e_ok(chroma, plain).mean())
    return float(np.mean(found))


def read_image(data: Path, name: str, visible: Sequence[int]) -> Array:
    """The visible bands (v, h, w) of a family's image as approximate reflectance.

    A thousandth of the pixels of each band is darker than 0.01, and its mean is 0.1.
    """
    paths = [next(data.glob(pattern)) for pattern in IMAGES[name]]
    bands = []
    for path in paths:
        with rasterio.open(path) as dataset:
            bands += list(dataset.read([n + 1 for n in visible] if len(paths) == 1 else [1]).astype(float))
    counts = np.stack(bands)
    light = np.clip(counts - np.percentile(counts, 0.1, axis=(1, 2), keepdims=True), 0, None)
    return 0.01 + 0.09 * light / light.mean((1, 2), keepdims=True)


def compare(
    name: str, data: Path, halves: tuple[Library, Library], ridge: float
) -> Iterator[dict[str, float | str]]:
    """Fit a family, and yield the figures of each choice; print what belongs in the table."""
    fitted, held = halves
    satellites = read_family(data, name)
    bands = next(iter(satellites.values())).bands
    visible = [band for band in bands if band in VISIBLE]
    signed = len(visible) == 3
    chosen = rounded(fit(fitted, [*satellites.values()], ridge, signed), D65, 4)
    srgb = np.zeros((len(visible), 3))
    srgb[[visible.index(band) for band in ("red", "green", "blue")]] = np.array(SRGB_TO_XYZ).T
    matrices = {
        "bands as sRGB": srgb,
        ("not negative" if signed else "signed"): fit(fitted, [*satellites.values()], ridge, not signed),
        **{f"ridge {each:g}": fit(fitted, [*satellites.values()], each, signed) for each in RIDGES},
        "rounded": chosen,
    }
    sensor = find_sensor(name)
    if sensor is not None:
        matrices["in the table"] = np.array(sensor.bands_to_xyz)[[bands.index(band) for band in visible]]
    image = read_image(data, name, [bands.index(band) for band in visible]) if name in IMAGES else None
    for choice, matrix in matrices.items():
        figures: dict[str, float | str] = {"family": name, "matrix": choice}
        for one, responses in satellites.items():
            figures[f"{one} mean"], figures[f"{one} p95"] = colour_error(matrix, held, responses)
        figures["grey noise"] = noise(matrix, np.full((len(visible), 1, 1), 0.1))
        if image is not None:
            figures |= {"image noise": noise(matrix, image), "image fringe": fringe(matrix, image)}
        yield figures
    shares = rounded(fit_pan(fitted, [*satellites.values()])[:, None], [1.0], 2)[:, 0]
    overlap = fit_pan(fitted, [*satellites.values()], 1e9)
    for one, responses in satellites.items():
        errors = [pan_error(each, held, responses) for each in (overlap, shares)]
        print(f"pan of {one}: error {errors[0]:.3f} by overlap alone, {errors[1]:.3f} fitted")
    for band, row in zip(visible, chosen.tolist(), strict=True):
        print(f"    ({row[0]:.6g}, {row[1]:.6g}, {row[2]:.6g}),  # {band}")
    print(f"    pan_weights=({', '.join(f'{share:.3g}' for share in shares)}),")


def main() -> None:
    """Parse, fit, compare, print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True, help="folder with rsr/ and spectra/")
    parser.add_argument("--ridge", type=float, default=1.2e-4, help="the ridge whose matrices are printed")
    parser.add_argument("--family", choices=FAMILIES, action="append", help="fit these alone")
    parser.add_argument("--curve", type=Path, help="write all figures to this CSV file")
    arguments = parser.parse_args()

    halves = read_halves(arguments.data)
    rows: list[dict[str, float | str]] = []
    for name in arguments.family or FAMILIES:
        print(f"\n{name}")
        for figures in compare(name, arguments.data, halves, arguments.ridge):
            shown = [f"{key} {value:.3f}" for key, value in figures.items() if isinstance(value, float)]
            print(f"{figures['matrix']:14}", ", ".join(shown), flush=True)
            rows.append(figures)
    if arguments.curve:
        with arguments.curve.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
