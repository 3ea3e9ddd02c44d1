"""A scene of Landsat 7, 8 or 9 in Collection 2, level 1: a file for each band, and MTL.txt."""

import math
from pathlib import Path

import numpy as np

from potato.core.sensors import Sensor
from potato.deliveries.synthetic.scene import Scene
from potato.errors import InputError
from potato.raster.coordinates import grid_at
from potato.raster.plain_file import write_plain

SUN_ELEVATION, DISTANCE = 48.24450155, 0.985478
"""The sun in the scene LC08_L1TP_017051_20151205, in degrees and astronomical units."""

FACTOR, ADDEND = 2.0e-05, -0.1
"""REFLECTANCE_MULT_BAND_n and REFLECTANCE_ADD_BAND_n of Landsat 8 and 9."""

SECOND_FACTOR, SECOND_ADDEND = 2.75e-05, -0.2
"""The same of level 2."""

NUMBERS = {"LC08": (1, 2, 3, 4, 5), "LC09": (1, 2, 3, 4, 5), "LE07": (1, 2, 3, 4)}
"""Numbers of the bands in the order of the sensor's."""

WEST, NORTH = 543_990.0, 1_378_980.0
"""Centre of the upper left pixel of every band, in metres of UTM zone 16."""


def write_landsat(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write a scene of level 1.

    Raises:
        InputError: if the sensor isn't Landsat's.
        OutputError: if a file can't be written.
    """
    _write_level(folder, sensor, scene, "L1TP")


def write_both_levels(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write a scene of level 1, and beside it its bands of level 2, which has no pan.

    Raises:
        InputError: if the sensor isn't Landsat's.
        OutputError: if a file can't be written.
    """
    for level in ("L1TP", "L2SP"):
        (folder / level).mkdir()
        _write_level(folder / level, sensor, scene, level)


def _write_level(folder: Path, sensor: Sensor, scene: Scene, level: str) -> None:
    numbers = NUMBERS.get(sensor.name, ())
    if not numbers:
        raise InputError(f"expected Landsat 7, 8 or 9, found {sensor.title}")
    stem = f"{sensor.name}_{level}_017051_20151205_20200908_02_T1"
    second = level == "L2SP"
    names = {number: f"{stem}{'_SR' * second}_B{number}.TIF" for number in numbers}
    haze = scene.haze if second else (0.0,) * len(numbers)
    planes = {number: plane - less for number, plane, less in zip(numbers, scene.mul, haze, strict=True)}
    if not second:
        names[8], planes[8] = f"{stem}_B8.TIF", scene.pan
    for number, plane in planes.items():
        if second:
            counts = (plane - SECOND_ADDEND) / SECOND_FACTOR
        else:
            counts = (plane * math.sin(math.radians(SUN_ELEVATION)) - ADDEND) / FACTOR
        pixel = 15.0 if number == 8 else 30.0
        grid = grid_at(plane.shape[0], plane.shape[1], pixel, WEST - pixel / 2, NORTH + pixel / 2, 32616)
        stored = np.round(counts).clip(1, 65535).astype(np.uint16)
        write_plain(folder / names[number], stored[None], grid)
    text = _metadata(sensor, stem, level, names, len(scene.mul[0]))
    (folder / f"{stem}_MTL.txt").write_text(text, encoding="utf-8")


def _metadata(sensor: Sensor, stem: str, level: str, names: dict[int, str], side: int) -> str:
    """The text of MTL.txt."""
    east, south = WEST + 30 * (side - 1), NORTH - 30 * (side - 1)
    corners = {"UL": (WEST, NORTH), "UR": (east, NORTH), "LL": (WEST, south), "LR": (east, south)}
    second = level == "L2SP"
    scale = (SECOND_FACTOR, SECOND_ADDEND) if second else (FACTOR, ADDEND)
    group = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS" if second else "LEVEL1_RADIOMETRIC_RESCALING"
    groups = {
        "PRODUCT_CONTENTS": {
            "LANDSAT_PRODUCT_ID": f'"{stem}"',
            "PROCESSING_LEVEL": f'"{level}"',
            "COLLECTION_NUMBER": "02",
            **{f"FILE_NAME_BAND_{number}": f'"{name}"' for number, name in sorted(names.items())},
        },
        "IMAGE_ATTRIBUTES": {
            "SPACECRAFT_ID": f'"LANDSAT_{sensor.name[-1]}"',
            "SENSOR_ID": '"ETM"' if sensor.name == "LE07" else '"OLI_TIRS"',
            "DATE_ACQUIRED": "2015-12-05",
            "SCENE_CENTER_TIME": '"16:06:06.8773380Z"',
            "SUN_ELEVATION": f"{SUN_ELEVATION}",
            "EARTH_SUN_DISTANCE": f"{DISTANCE:.7f}",
        },
        "PROJECTION_ATTRIBUTES": {
            "MAP_PROJECTION": '"UTM"',
            "DATUM": '"WGS84"',
            "UTM_ZONE": "16",
            "GRID_CELL_SIZE_PANCHROMATIC": "15.00",
            "GRID_CELL_SIZE_REFLECTIVE": "30.00",
            **{
                f"CORNER_{name}_PROJECTION_{axis}_PRODUCT": f"{value:.1f}"
                for name, place in corners.items()
                for axis, value in zip("XY", place, strict=True)
            },
        },
        group: {
            f"REFLECTANCE_{kind}_BAND_{number}": f"{value:.4E}"
            for number in sorted(names)
            for kind, value in zip(("MULT", "ADD"), scale, strict=True)
        },
    }
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for name, values in groups.items():
        lines += [f"  GROUP = {name}", *(f"    {key} = {value}" for key, value in values.items())]
        lines.append(f"  END_GROUP = {name}")
    return "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END", ""])
