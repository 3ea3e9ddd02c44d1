"""Two GeoTIFFs of reflectance × 10,000 in a folder, with names of bands."""

from pathlib import Path

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
