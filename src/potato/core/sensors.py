"""Facts about the WorldView-2 and WorldView-3 sensors and their files, each written down once.

Sources: T. Updike and C. Comp, "Radiometric Use of WorldView-2 Imagery", DigitalGlobe, 2010 (bands
and detector arrays); the ARD product guide of Maxar (names, scale).
"""

import re

RATIO = 4
"""Pan pixels along one side of a mul pixel."""

SCALE = 10_000
"""Counts, stored as uint16, of reflectance 1; specular targets and clouds exceed it."""

BANDS = ("coastal", "blue", "green", "yellow", "red", "rededge", "nir1", "nir2")
"""The eight bands of mul, in the order of their wavelengths and of the files."""

BAND_CODES = ("BAND_C", "BAND_B", "BAND_G", "BAND_Y", "BAND_R", "BAND_RE", "BAND_N", "BAND_N2")
"""The ARD's names of `BANDS`, in their order; pan is BAND_P."""

VISIBLE = 5
"""Number of visible bands: the first ones of `BANDS`, which make the colour."""

BAND_ALIASES: dict[str, tuple[str, ...]] = {
    "coastal": ("band_c", "c", "coastal", "coastal blue", "coastalblue"),
    "blue": ("band_b", "b", "blue"),
    "green": ("band_g", "g", "green"),
    "yellow": ("band_y", "y", "yellow"),
    "red": ("band_r", "r", "red"),
    "rededge": ("band_re", "re", "rededge", "red edge", "red_edge", "rededge1", "red edge 1"),
    "nir1": ("band_n", "n", "nir", "nir1", "nir08", "nir 1", "near infrared 1", "near-ir1"),
    "nir2": ("band_n2", "n2", "nir2", "nir09", "nir 2", "near infrared 2", "near-ir2"),
}
"""Names that files and STAC items give each band, in lower case."""

FIRST_ARRAY = ("nir2", "coastal", "yellow", "rededge")
"""Bands of the detector array that sees the ground first; pan follows, then `SECOND_ARRAY`."""

SECOND_ARRAY = ("blue", "green", "red", "nir1")
"""Bands of the detector array that sees the ground last, when moving things have moved on."""

PLATFORMS: dict[str, str] = {
    "WV02": "WV02",
    "WV03": "WV03",
    "worldview-02": "WV02",
    "worldview-03": "WV03",
}
"""Our name of a platform, by each spelling of it in files."""

CATALOG_ID = re.compile(r"10[1-6][0-9A-F]{13}")
"""The catalog ID (CID) of a pass: 16 hexadecimal digits; the first three name the satellite."""
