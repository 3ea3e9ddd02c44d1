"""An order of Maxar's: a folder for pan and one for mul, R1C1 … R2C2 in each, .TIL and .IMD."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from potato.core.sensors import Sensor
from potato.deliveries.maxar_constants import BandConstants, find_constants
from potato.deliveries.synthetic.scene import Scene, cut_grid
from potato.errors import InputError
from potato.raster.coordinates import Grid, grid_at
from potato.raster.plain_file import write_plain

ORDER = "052421600010_01"
"""The number of the order."""

TIME, DISTANCE = "2009-10-08T18:51:00.000000Z", 0.998987
"""A moment for which DigitalGlobe's technical note gives the distance of the sun."""

SUN_ELEVATION = 42.3
"""In degrees, as the metadata have it."""

WIDTHS = {
    "BAND_P": 0.2846,
    "BAND_C": 0.0473,
    "BAND_B": 0.0543,
    "BAND_G": 0.063,
    "BAND_Y": 0.0374,
    "BAND_R": 0.0574,
    "BAND_RE": 0.0393,
    "BAND_N": 0.0989,
    "BAND_N2": 0.0996,
}
"""effectiveBandwidth of WorldView-2 in µm."""

FACTORS = {
    "BAND_P": 0.0567835,
    "BAND_C": 0.009295654,
    "BAND_B": 0.009748051,
    "BAND_G": 0.007541495,
    "BAND_Y": 0.005101088,
    "BAND_R": 0.01103623,
    "BAND_RE": 0.004539619,
    "BAND_N": 0.0122438,
    "BAND_N2": 0.009042234,
}
"""absCalFactor of a pass of WorldView-2 in W/(m² sr)."""

Spans = Sequence[tuple[int, int]]
"""First and end pixels of parts along one side."""


def write_maxar(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write pan and mul as counts of 11 bits, each in a folder of its own and in four parts.

    Raises:
        InputError: if the sensor isn't Maxar's, or Maxar publishes no constants for it.
        OutputError: if a file can't be written.
    """
    for side, code, bands, counts, grid in _images(sensor, scene):
        place = folder / f"{ORDER}_P001_{side}"
        place.mkdir()
        stem = f"09OCT08185100-{code}-{ORDER}_P001"
        _write_parts(place, stem, counts, grid)
        (place / f"{stem}.IMD").write_text(_imd(sensor.name, bands, grid), encoding="utf-8")


def write_flat(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write pan and mul as one file each, as people keep them: with an .IMD file, without .TIL.

    Raises:
        InputError: if the sensor isn't Maxar's, or Maxar publishes no constants for it.
        OutputError: if a file can't be written.
    """
    for side, _, bands, counts, grid in _images(sensor, scene):
        write_plain(folder / f"09OCT08_P001_{side}.TIF", counts, grid)
        (folder / f"09OCT08_P001_{side}.IMD").write_text(_imd(sensor.name, bands, grid), encoding="utf-8")


def _images(
    sensor: Sensor, scene: Scene
) -> Iterator[tuple[str, str, Sequence[str], NDArray[np.uint16], Grid]]:
    """Pan and mul: side, product code, bands, counts (n, h, w) and grid of each."""
    constants = find_constants(sensor.name)
    if not constants or len(sensor.codes) != len(sensor.bands):
        raise InputError(f"expected a sensor whose constants Maxar publishes, found {sensor.title}")
    coarse = 0.5 * sensor.ratio
    for side, code, bands, reflectance, pixel in (
        ("PAN", "P2AS", ("BAND_P",), scene.pan[None], 0.5),
        ("MUL", "M2AS", sensor.codes, scene.mul, coarse),
    ):
        planes = zip(reflectance, bands, strict=True)
        counts = np.stack([_counts(plane, band, constants[band]) for plane, band in planes])
        yield side, code, bands, counts, grid_at(counts.shape[1], counts.shape[2], pixel)


def _counts(reflectance: NDArray[np.float64], band: str, constants: BandConstants) -> NDArray[np.uint16]:
    """The counts of a band, by the formulas of the technical note solved for them."""
    sine = math.sin(math.radians(SUN_ELEVATION))
    radiance = reflectance * constants.irradiance * sine / (math.pi * DISTANCE**2)
    counts = (radiance - constants.offset) / constants.gain / FACTORS[band] * WIDTHS[band]
    return np.round(counts).clip(1, 2047).astype(np.uint16)


def _write_parts(folder: Path, stem: str, counts: NDArray[np.uint16], grid: Grid) -> None:
    """Write the images R1C1 … R2C2 and the .TIL that names them."""
    time, code, order = stem.split("-")
    lines = [f'bandId = "{_band_id(len(counts))}";', "numTiles = 4;", 'tileUnits = "Pixels";']
    spans = [
        (row, column, *down, *across)
        for row, down in enumerate(_halves(grid.height), 1)
        for column, across in enumerate(_halves(grid.width), 1)
    ]
    for number, (row, column, top, bottom, left, right) in enumerate(spans, 1):
        name = f"{time}-{code}_R{row}C{column}-{order}.TIF"
        part = counts[:, top:bottom, left:right]
        write_plain(folder / name, part, cut_grid(grid, top, left, part))
        values = {"filename": f'"{name}"'}
        for corner, x, y in (
            ("UL", left, top),
            ("UR", right - 1, top),
            ("LR", right - 1, bottom - 1),
            ("LL", left, bottom - 1),
        ):
            values |= {f"{corner}ColOffset": f"{x}", f"{corner}RowOffset": f"{y}"}
        lines += _group(f"TILE_{number}", values)
    (folder / f"{stem}.TIL").write_text("\n".join([*lines, "END;", ""]), encoding="utf-8")


def _band_id(bands: int) -> str:
    return "P" if bands == 1 else "Multi"


def _halves(length: int) -> Spans:
    return (0, length // 2), (length // 2, length)


def _imd(satellite: str, bands: Sequence[str], grid: Grid) -> str:
    """The text of an .IMD file."""
    lines = [
        'version = "28.4";',
        "generationTime = 2009-10-10T08:04:32.000000Z;",
        f'productOrderId = "{ORDER}_P001";',
        'productCatalogId = "2030010008D5E800";',
        'imageDescriptor = "ORStandard2A";',
        f'bandId = "{_band_id(len(bands))}";',
        'panSharpenAlgorithm = "None";',
        f"numRows = {grid.height};",
        f"numColumns = {grid.width};",
        'productLevel = "LV2A";',
        'productType = "Standard";',
        "numberOfLooks = 1;",
        'radiometricLevel = "Corrected";',
        'radiometricEnhancement = "Off";',
        "bitsPerPixel = 16;",
        'compressionType = "None";',
    ]
    for name in bands:
        lines += _group(
            name,
            {
                "absCalFactor": f"{FACTORS[name]:.6e}",
                "effectiveBandwidth": f"{WIDTHS[name]:.6e}",
                "TDILevel": "16",
            },
        )
    image = {
        "satId": f'"{satellite}"',
        "mode": '"FullSwath"',
        "scanDirection": '"Forward"',
        "CatId": '"1030010003BF2E00"',
        "firstLineTime": TIME,
        "meanSunAz": "165.2",
        "meanSunEl": f"{SUN_ELEVATION}",
        "meanSatEl": "71.4",
        "cloudCover": "0.000",
    }
    return "\n".join([*lines, *_group("IMAGE_1", image), "END;", ""])


def _group(name: str, values: Mapping[str, str]) -> list[str]:
    return [
        f"BEGIN_GROUP = {name}",
        *(f"\t{key} = {value};" for key, value in values.items()),
        f"END_GROUP = {name}",
    ]
