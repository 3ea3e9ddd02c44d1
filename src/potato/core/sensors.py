"""Facts about the WorldView-2 and WorldView-3 imagers, each written down once."""

import re

RATIO = 4
"""Pan pixels along one side of a mul pixel."""

SCALE = 10_000
"""Stored uint16 counts of reflectance 1; specular targets and clouds exceed it."""

BANDS = ("coastal", "blue", "green", "yellow", "red", "rededge", "nir1", "nir2")
"""The eight multispectral bands, in the order of their wavelengths and of the files."""

BAND_CODES = ("BAND_C", "BAND_B", "BAND_G", "BAND_Y", "BAND_R", "BAND_RE", "BAND_N", "BAND_N2")
"""What the ARD calls them, in the same order; pan is BAND_P."""

VISIBLE = 5
"""The first so many of `BANDS` are visible light and make the colour."""

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
"""Names that files and STAC items give the bands, in lower case."""

FIRST_ARRAY = ("nir2", "coastal", "yellow", "rededge")
"""The bands whose detectors see the ground first. Pan sees it next, between the two arrays."""

SECOND_ARRAY = ("blue", "green", "red", "nir1")
"""The bands whose detectors see the ground last; what moves has moved on by then."""

PLATFORMS: dict[str, str] = {
    "WV02": "WV02",
    "WV03": "WV03",
    "worldview-02": "WV02",
    "worldview-03": "WV03",
}
"""Spellings of the platforms that Potato accepts, and the one it uses."""

CATALOG_ID = re.compile(r"10[1-6][0-9A-F]{13}")
"""The catalog ID (CID) of a pass: 16 hexadecimal digits, of which the first three name the satellite."""
