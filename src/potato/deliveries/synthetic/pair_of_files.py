"""GeoTIFFs of reflectance × 10,000 in a folder: two with names of bands, or one for each band."""

import json
from pathlib import Path
from typing import Any

from potato.core.radiometry import reflectance_to_counts
from potato.core.sensors import Sensor
from potato.deliveries.synthetic.scene import Scene
from potato.raster.coordinates import grid_at
from potato.raster.plain_file import write_plain


def write_files(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write `pan.tif` and `mul.tif`.

    Raises:
        OutputError: if they can't be written.
    """
    for name, pixels, pixel, bands in (
        ("pan.tif", scene.pan[None], 0.5, ("pan",)),
        ("mul.tif", scene.mul, 0.5 * sensor.ratio, sensor.bands),
    ):
        counts = reflectance_to_counts(pixels, least=1)
        _, height, width = counts.shape
        write_plain(folder / name, counts, grid_at(height, width, pixel), bands)


def write_bands(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write a file for each band, with the name of the band: `scene_red.tif`.

    Raises:
        OutputError: if they can't be written.
    """
    coarse = 0.5 * sensor.ratio
    for band, plane in zip(("pan", *sensor.bands), (scene.pan, *scene.mul), strict=True):
        counts = reflectance_to_counts(plane[None], least=1)
        grid = grid_at(counts.shape[1], counts.shape[2], 0.5 if band == "pan" else coarse)
        write_plain(folder / f"scene_{band}.tif", counts, grid)


def write_item(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write a STAC item, and below it a pan and a mul whose bands it alone names.

    Raises:
        OutputError: if they can't be written.
    """
    (folder / "data").mkdir()
    assets = {}
    for name, pixels, pixel, bands in (
        ("pan", scene.pan[None], 0.5, ("pan",)),
        ("ms", scene.mul, 0.5 * sensor.ratio, sensor.bands),
    ):
        counts = reflectance_to_counts(pixels, least=1)
        write_plain(folder / "data" / f"{name}.tif", counts, grid_at(counts.shape[1], counts.shape[2], pixel))
        named = [{"name": band, "common_name": band} for band in bands]
        assets[name] = {"href": f"./data/{name}.tif", "roles": ["data"], "eo:bands": named}
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "scene",
        "properties": {"datetime": "2020-07-30T13:51:24Z", "platform": sensor.name},
        "geometry": None,
        "links": [],
        "assets": assets,
    }
    (folder / "scene.json").write_text(json.dumps(item, indent=2), encoding="utf-8")
