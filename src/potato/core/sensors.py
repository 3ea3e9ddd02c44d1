"""Sensors: what Potato knows about each satellite, and finding one by what a file says.

A sensor is a record of facts and fitted numbers (`Sensor`). The records are in
`core.sensor_table`; no other code knows a sensor, the number of its bands or its ratio.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

SCALE = 10_000
"""Counts, stored as uint16, of reflectance 1; specular targets and clouds exceed it."""

MOST_RATIO, MOST_BANDS = 6, 16
"""The largest ratio and the most bands that native code has room for."""

INFRARED_PAN = 0.25
"""Share of near infrared in pan from which `model.features.predict_infrared` serves."""

BAND_ALIASES: dict[str, tuple[str, ...]] = {
    "coastal": ("band_c", "c", "coastal blue", "coastalblue", "deep blue", "deepblue", "db"),
    "blue": ("band_b", "b"),
    "green": ("band_g", "g"),
    "yellow": ("band_y", "y"),
    "red": ("band_r", "r"),
    "rededge": ("band_re", "re", "red edge", "red_edge", "rededge1", "red edge 1"),
    "rededge1": ("band_re1", "re1", "rededge", "band_re", "re", "red edge 1", "red_edge_1"),
    "rededge2": ("band_re2", "re2", "red edge 2", "red_edge_2"),
    "nir": ("band_n", "n", "nir1", "nir08", "near infrared", "near-infrared", "near-ir"),
    "nir1": ("band_n", "band_n1", "n", "n1", "nir", "nir08", "nir 1", "near infrared 1", "near-ir1"),
    "nir2": ("band_n2", "n2", "nir09", "nir 2", "near infrared 2", "near-ir2"),
}
"""Further names of each band in files and STAC items, in lower case."""

CATALOG_ID = re.compile(r"10[1-6][0-9A-F]{13}")
"""The catalog ID (CID) of a pass: 16 hexadecimal digits; the first three name the satellite."""


@dataclass(frozen=True)
class Sensor:
    """What is known about a sensor.

    Attributes:
        name: ours, such as `WV02`.
        title: for people, such as `WorldView-2`.
        platforms: spellings of the platform in files, items and vendors' metadata.
        bands: names of mul's bands, in the order of their wavelengths.
        bands_to_xyz: CIE XYZ (Y = 1 for white, D65) that reflectance 1 in each band adds; rows are
            bands, in their order, 0 for those that aren't visible. Columns sum to the white point.
        pan_weights: the share of each band in pan, by the overlap of their spectral responses; they
            sum to 1.
        ratio: pan pixels along one side of a mul pixel.
        file_order: order of the bands in files that don't name them; empty if files of this
            sensor have more than one.
        codes: the vendor's names of the bands, in the order of `bands`.
        arrays: bands that are seen together, by detector array, in the order in which the arrays
            see the ground; pan is seen between the first two. Empty where unknown, or only one.
        source: where facts and numbers come from.

    Raises:
        ValueError: if the facts don't fit each other.
    """

    name: str
    title: str
    platforms: tuple[str, ...]
    bands: tuple[str, ...]
    bands_to_xyz: tuple[tuple[float, float, float], ...]
    pan_weights: tuple[float, ...]
    ratio: int = 4
    file_order: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    arrays: tuple[tuple[str, ...], ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        count = len(self.bands)
        if not (2 <= self.ratio <= MOST_RATIO and 3 <= count <= MOST_BANDS):
            raise ValueError(
                f"{self.name}: expected a ratio of 2 to {MOST_RATIO} and 3 to {MOST_BANDS} bands, "
                f"found {self.ratio} and {count}"
            )
        if len(self.bands_to_xyz) != count or len(self.pan_weights) != count:
            raise ValueError(f"{self.name}: expected a row of XYZ and a share of pan for each band")
        if len(self.codes) not in (0, count) or (self.file_order and {*self.file_order} != {*self.bands}):
            raise ValueError(f"{self.name}: expected codes and an order of all bands, or none")

    @property
    def visible(self) -> tuple[str, ...]:
        """The bands that make the colour."""
        return tuple(band for band, xyz in zip(self.bands, self.bands_to_xyz, strict=True) if any(xyz))

    @property
    def pan_sees_infrared(self) -> bool:
        """Whether vegetation, dark to the eye, is bright in pan, which sees much near infrared."""
        weights = zip(self.bands, self.pan_weights, strict=True)
        return sum(weight for band, weight in weights if band.startswith("nir")) > INFRARED_PAN

    def band_names(self, band: str) -> tuple[str, ...]:
        """All names of a band in files, in lower case, the likeliest first."""
        codes = dict(zip(self.bands, self.codes, strict=False))
        own = (codes[band].lower(),) if band in codes else ()
        return tuple(dict.fromkeys((*own, band, *BAND_ALIASES.get(band, ()))))

    def find_bands(self, names: Iterable[str | None]) -> dict[str, int]:
        """Positions of bands, from 0, among the names that a file gives its bands.

        Args:
            names: one for each band of the file, in any case; None or empty for no name.

        Returns:
            The position of each band that is named; a name that occurs twice counts for neither.
        """
        places: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            if name and name.strip():
                places.setdefault(name.strip().lower(), []).append(place)
        found: dict[str, int] = {}
        for band in self.bands:
            hits = [places[name] for name in self.band_names(band) if name in places]
            if hits and len(hits[0]) == 1 and hits[0][0] not in found.values():
                found[band] = hits[0][0]
        return found


def _plain(spelling: str) -> str:
    """A spelling without case and punctuation: `WorldView-02` and `WORLDVIEW02` are one."""
    return re.sub(r"[^a-z0-9]", "", spelling.lower())


@functools.cache
def _spellings() -> dict[str, Sensor]:
    from potato.core.sensor_table import SENSORS

    return {
        _plain(spelling): sensor
        for sensor in SENSORS
        for spelling in (sensor.name, sensor.title, *sensor.platforms)
    }


def find_sensor(platform: str) -> Sensor | None:
    """The sensor of a platform, whatever the spelling; None if we don't know it.

    Example:
        >>> find_sensor("worldview-02").name
        'WV02'
    """
    return _spellings().get(_plain(platform))


# Until every room takes a sensor: facts of WorldView-2 and -3.
RATIO = 4
BANDS = ("coastal", "blue", "green", "yellow", "red", "rededge", "nir1", "nir2")
BAND_CODES = ("BAND_C", "BAND_B", "BAND_G", "BAND_Y", "BAND_R", "BAND_RE", "BAND_N", "BAND_N2")
VISIBLE = 5
FIRST_ARRAY = ("nir2", "coastal", "yellow", "rededge")
SECOND_ARRAY = ("blue", "green", "red", "nir1")
PLATFORMS = {"WV02": "WV02", "WV03": "WV03", "worldview-02": "WV02", "worldview-03": "WV03"}
