"""What is known about a sensor: a record of facts and fitted numbers.

The records are in `core.sensor_table`; no other code knows a sensor, the number of its bands or its
ratio. `core.platforms` finds one.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from potato.errors import BandError

SCALE = 10_000
"""Counts, stored as uint16, of reflectance 1; specular targets and clouds exceed it."""

MOST_RATIO, MOST_BANDS = 6, 16
"""The largest ratio and the most bands that native code has room for."""

INFRARED_PAN = 0.25
"""Share of near infrared in pan above which `model.features.predict_infrared` is used."""

BAND_ALIASES: dict[str, tuple[str, ...]] = {
    "coastal": ("band_c", "c", "coastal blue", "coastal aerosol", "deep blue", "db"),
    "blue": ("band_b", "b", "blu", "bleu", "azul"),
    "green": ("band_g", "g", "grn", "vert", "verde"),
    "yellow": ("band_y", "y"),
    "red": ("band_r", "r", "rouge", "rojo", "vermelho"),
    "rededge": ("band_re", "re", "red edge", "rededge1", "band_re1", "re1"),
    "rededge1": ("band_re1", "re1", "red edge 1", "rededge071", "rededge", "band_re", "re"),
    "rededge2": ("band_re2", "re2", "red edge 2", "rededge075"),
    "nir": ("band_n", "n", "nir1", "band_n1", "n1", "nir08", "near infrared", "near ir", "pir"),
    "nir1": ("band_n1", "n1", "nir 1", "band_n", "n", "nir", "nir08", "near infrared 1", "near ir 1"),
    "nir2": ("band_n2", "n2", "nir 2", "nir09", "near infrared 2", "near ir 2"),
}
"""Further names of each band in files and STAC items, in lower case."""

WAVELENGTHS = {
    "coastal": 427,
    "blue": 478,
    "green": 546,
    "pan": 600,
    "yellow": 608,
    "red": 659,
    "rededge1": 705,
    "rededge": 724,
    "rededge2": 740,
    "nir": 830,
    "nir1": 833,
    "nir2": 949,
}
"""Centres of bands in nm, roughly: sensors differ. Pan's is as haze weights it."""

_AROUND = re.compile(
    r"^b(?:and)?[ _]?[0-9]+(?![0-9a-z])|^[a-z0-9]{2,4}_(?=b[0-9])|\([^()]*\)$|[0-9.]{3,}.*$| band$"
)
"""What files write around a band's name: `Band 2 - Blue`, `SR_B2`, `Blue (B2)`, `blue 450 nm`."""

CATALOG_ID = re.compile(r"(?<![0-9A-Za-z])(?:10[1-6]|B[0-9A-F]{2})[0-9A-F]{13}(?![0-9A-Za-z])")
"""The catalog ID (CID) of most of Maxar's passes, in any text: 16 hexadecimal digits, of which the
first three name the satellite. Those of WorldView-4 look otherwise."""


# Every pair that is opened asks for the bands of all sensors.
@functools.cache
def _bands_by_name(bands: tuple[str, ...], codes: tuple[str, ...]) -> dict[str, str]:
    """The band of each name, `simplified`."""
    known = [(name, band) for band in bands for name in (band, *BAND_ALIASES.get(band, ()))]
    return {simplified(name): band for name, band in (*known, *zip(codes, bands, strict=False))}


def simplified(spelling: str) -> str:
    """A spelling without case, accents, punctuation and leading zeros.

    >>> simplified("WorldView-02"), simplified("Pléiades 1A")
    ('worldview2', 'pleiades1a')
    """
    letters = unicodedata.normalize("NFKD", spelling).lower()
    return re.sub(r"0+(?=[0-9])", "", re.sub(r"[^a-z0-9]", "", letters))


@dataclass(frozen=True)
class Sensor:
    """What is known about a sensor.

    Attributes:
        name: ours, such as `WV02`.
        title: for people, such as `WorldView-2`.
        platforms: further spellings of the platform in files, items and vendors' metadata; empty
            for a record that stands for any satellite with these bands.
        bands: names of mul's bands, in the order of their wavelengths.
        bands_to_xyz: CIE XYZ (Y = 1 for white, D65) that reflectance 1 in each band adds; rows are
            bands, in their order, 0 for those that aren't visible. Columns sum to the white point.
        pan_weights: the share of each band in pan: what pan sees of sunlit ground is the sum of the
            bands, each times its share. They sum to 1.
        mtf_gains: the contrast, 0..1, that pan brought to mul's scale and each band keep at mul's
            Nyquist frequency: gains of the modulation transfer function. Empty where unpublished.
        colour_error: of `bands_to_xyz`, in JND: its mean over measured spectra that took no part in
            the fit. None if the responses of this satellite are unknown.
        ratio: pan pixels along one side of a mul pixel.
        file_order: order of the bands in files that don't name them; empty if files of this
            sensor have more than one.
        codes: the vendor's names of the bands, in the order of `bands`.
        arrays: bands that are seen together, by detector array, in the order in which the arrays
            see the ground; pan is seen between the first two. Empty if there is one, or unknown.
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
    mtf_gains: tuple[float, ...] = ()
    colour_error: float | None = None
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
        if len(self.mtf_gains) not in (0, 1 + count):
            raise ValueError(f"{self.name}: expected an MTF gain for pan and for each band, or none")
        if len(self.codes) not in (0, count) or (self.file_order and {*self.file_order} != {*self.bands}):
            raise ValueError(f"{self.name}: expected codes and an order of all bands, or none")

    @property
    def visible(self) -> tuple[str, ...]:
        """The bands that make the colour."""
        return tuple(band for band, xyz in zip(self.bands, self.bands_to_xyz, strict=True) if any(xyz))

    @property
    def infrared(self) -> tuple[str, ...]:
        """The bands of near infrared."""
        return tuple(band for band in self.bands if band.startswith("nir"))

    @property
    def pan_sees_infrared(self) -> bool:
        """Whether vegetation, dark to the eye, is bright in pan, which sees much near infrared."""
        weights = dict(zip(self.bands, self.pan_weights, strict=True))
        return sum(weights[band] for band in self.infrared) > INFRARED_PAN

    @property
    def array_places(self) -> list[list[int]]:
        """Positions of the bands of each array; without arrays, of all bands as one."""
        return [[self.bands.index(band) for band in array] for array in self.arrays or (self.bands,)]

    def fits(self, other: "Sensor") -> bool:
        """Whether one network can read pairs of both: whether bands and ratio are the same."""
        return (self.bands, self.ratio) == (other.bands, other.ratio)

    def find_bands(self, names: Iterable[str | None]) -> dict[str, int]:
        """Positions of bands, from 0, among the names that a file gives its bands.

        Args:
            names: one for each band of the file, in any case and punctuation, also with a number
                before it or wavelengths behind (`Band 2: Blue`, `blue (450-510 nm)`); None or empty
                for no name.

        Returns:
            The position of each band that is named; a name that occurs twice counts for neither.

        Example:
            >>> from potato.core.sensor_table import GEOEYE_1
            >>> GEOEYE_1.find_bands(["Red", "Green", "BAND_B", "Near-Infrared"])
            {'blue': 2, 'green': 1, 'red': 0, 'nir': 3}
        """
        found: dict[str, list[int]] = {band: [] for band in self.bands}
        for place, name in enumerate(names):
            band = self._band_called(name or "")
            if band:
                found[band].append(place)
        return {band: places[0] for band, places in found.items() if len(places) == 1}

    def choose_bands(self, names: Iterable[str]) -> tuple[int, ...]:
        """The numbers, from 0, of bands that are asked for by any of their names.

        Raises:
            BandError: if there is no band of a name; the message lists the bands.

        Example:
            >>> from potato.core.sensor_table import WORLDVIEW_2
            >>> WORLDVIEW_2.choose_bands(["nir", "Red", "BAND_G"])
            (6, 4, 2)
        """
        numbers = []
        for name in names:
            band = self._band_called(name)
            if band is None:
                raise BandError(
                    f"expected bands of {self.title}, which are {', '.join(self.bands)}; found {name!r}"
                )
            numbers.append(self.bands.index(band))
        return tuple(numbers)

    def _band_called(self, name: str) -> str | None:
        """The band that a name means; None for none."""
        known = _bands_by_name(self.bands, self.codes)
        text = name.strip().lower()
        inside = text.removesuffix(")").rpartition("(")[2]  # `B2 (Blue)`
        parts = text, _AROUND.sub("", text), inside
        return next(filter(None, (known.get(simplified(part)) for part in parts)), None)
