"""Output formats, by name.

`cog`: Cloud Optimized GeoTIFF with averaged overviews, for sharing and for the web.
`tiled`: a plain tiled GeoTIFF without overviews, the fastest to write.

TIFF blocks are 512 pixels wide, whatever the blocks of the computation. Creation options are GDAL's
own; `--co NAME=VALUE` adds one or replaces it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from potato.errors import InputError

TIFF_BLOCK = 512
"""Side of a TIFF block in pixels."""

PANEL = 16 * TIFF_BLOCK
"""Largest width of a panel in pixels: pictures are made panel after panel, which bounds memory."""


def panel_width(ratio: int = 1) -> int:
    """The width of a panel of whole TIFF blocks, and of whole cells of `ratio` pixels a side."""
    step = math.lcm(TIFF_BLOCK, ratio)
    return PANEL // step * step


@dataclass(frozen=True)
class Profile:
    """A named output format.

    Attributes:
        name: its name on the command line.
        driver: the GDAL driver of the finished file.
        options: creation options of that driver.
        band_options: options that replace some of these where bands are written, not a picture.
    """

    name: str
    driver: str
    options: Mapping[str, str] = field(default_factory=dict)
    band_options: Mapping[str, str] = field(default_factory=dict)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "cog",
            "COG",
            {
                "BLOCKSIZE": str(TIFF_BLOCK),
                # Every reader knows DEFLATE. Level 1 compresses dithered pictures as well as
                # level 6, in less time.
                "COMPRESS": "DEFLATE",
                "LEVEL": "1",
                "PREDICTOR": "YES",
                "OVERVIEW_RESAMPLING": "AVERAGE",
                "BIGTIFF": "IF_SAFER",
            },
            # Bands are read by GIS alone, which know ZSTD; it takes half the time of DEFLATE.
            {"COMPRESS": "ZSTD"},
        ),
        Profile(
            "tiled",
            "GTiff",
            {
                # Band by band, ZSTD packs pictures closer by a twelfth, in half the time.
                "INTERLEAVE": "BAND",
                "TILED": "YES",
                "BLOCKXSIZE": str(TIFF_BLOCK),
                "BLOCKYSIZE": str(TIFF_BLOCK),
                "COMPRESS": "ZSTD",
                "ZSTD_LEVEL": "1",
                "PREDICTOR": "2",
                "BIGTIFF": "IF_SAFER",
            },
        ),
    )
}


def find_profile(name: str) -> Profile:
    """The profile of a name.

    Raises:
        InputError: if there is none.
    """
    if name not in PROFILES:
        raise InputError(f"expected a profile among {', '.join(PROFILES)}, found {name!r}")
    return PROFILES[name]
