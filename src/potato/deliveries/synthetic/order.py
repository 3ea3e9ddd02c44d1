"""Making a small delivery of each kind."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from potato.core.platforms import find_sensor
from potato.core.sensor_table import SENSORS
from potato.core.sensors import Sensor
from potato.core.types import PathLike
from potato.deliveries.synthetic.airbus_order import write_airbus
from potato.deliveries.synthetic.landsat_scene import write_both_levels, write_landsat
from potato.deliveries.synthetic.maxar_order import write_flat, write_maxar
from potato.deliveries.synthetic.pair_of_files import write_bands, write_files, write_item
from potato.deliveries.synthetic.radiance_scene import write_cbers, write_gaofen, write_kompsat
from potato.deliveries.synthetic.scene import Scene, make_scene
from potato.errors import InputError
from potato.raster.atomic import whole_folder
from potato.raster.output_files import new_folder

Writer = Callable[[Path, Sensor, Scene], None]
"""Writes a scene into a folder as a vendor delivers it."""

KINDS: dict[str, tuple[str, Writer]] = {
    "maxar": ("WV02", write_maxar),
    "maxar-flat": ("GE01", write_flat),
    "dimap": ("PHR1A", write_airbus),
    "landsat": ("LC08", write_landsat),
    "landsat-2": ("LC09", write_both_levels),
    "cbers": ("CBERS4A", write_cbers),
    "kompsat": ("K3A", write_kompsat),
    "gaofen": ("GF2", write_gaofen),
    "files": ("GE01", write_files),
    "bands": ("four-band", write_bands),
    "stac": ("GE01", write_item),
}
"""The usual sensor of each kind, and what writes it."""

LEAST = 32
"""Pixels of mul along a side below which nothing can be seen."""


@dataclass(frozen=True)
class MadeDelivery:
    """The result of `make_delivery`.

    Attributes:
        folder: the delivery.
        kind: one of `KINDS`.
        sensor: the name of the sensor.
        height, width: pixels of pan.
        files: how many there are.
    """

    folder: Path
    kind: str
    sensor: str
    height: int
    width: int
    files: int

    def __str__(self) -> str:
        """The one line that the command prints."""
        pan = f"pan {self.width} × {self.height} pixels"
        return f"{self.folder}: {self.kind}, {self.sensor}, {pan}, {self.files} files"


def make_delivery(
    kind: str, folder: PathLike, *, sensor: str | None = None, size: int = 512, seed: int = 0
) -> MadeDelivery:
    """Write a small delivery of ground whose reflectance is known, with real names and fields.

    Args:
        kind: one of `KINDS`.
        folder: must be new or empty.
        sensor: its name; None for the usual one of the kind.
        size: pan pixels along a side, roughly.
        seed: equal seeds give equal images.

    Raises:
        InputError: if kind or sensor isn't known, they don't go together, or `size` is too small.
        OutputExists: if there is something in the folder.
        OutputError: if it can't be written.
    """
    if kind not in KINDS:
        raise InputError(f"expected a kind of delivery among {', '.join(KINDS)}, found {kind}")
    usual, write = KINDS[kind]
    found = find_sensor(sensor or usual)
    if found is None:
        names = ", ".join(each.name for each in SENSORS)
        raise InputError(f"expected a sensor among {names}, found {sensor}")
    # Both halves of a mosaic hold whole pixels of mul.
    side = size // found.ratio // 2 * 2
    if side < LEAST:
        raise InputError(f"expected at least {LEAST * found.ratio} pan pixels along a side, found {size}")
    path = new_folder(folder)
    scene = make_scene(found, side, seed, centred=found.ratio == 2)
    with whole_folder(path) as growing:
        write(growing, found, scene)
    count = sum(file.is_file() for file in path.rglob("*"))
    height, width = scene.pan.shape
    return MadeDelivery(path, kind, found.name, height, width, count)
