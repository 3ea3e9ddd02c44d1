"""What is to be opened as a pan or a mul: a file, or a part of a delivery."""

from dataclasses import dataclass

from potato.core.radiometry import Calibration


@dataclass(frozen=True)
class Layer:
    """A pan or a mul before it is opened.

    Attributes:
        path: the file or folder as the user named it, for messages.
        name: what GDAL opens: a path, or the XML of a VRT.
        indexes: GDAL's numbers, from 1, of the bands in the order of the sensor's; None to find them
            by their names.
        calibration: how its numbers become reflectance; None for the scale and offset that the
            file states, else reflectance × 10,000.
        nodata: the values that mark invalid pixels, one for each band or one for all; empty for the
            file's own.
        driver: the one format that it may have, by GDAL's name of its driver; None for any.
    """

    path: str
    name: str
    indexes: tuple[int, ...] | None = None
    calibration: Calibration | None = None
    nodata: tuple[float, ...] = ()
    driver: str | None = None
