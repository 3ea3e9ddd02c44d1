"""Output formats, by name.

`cog`: Cloud Optimized GeoTIFF with averaged overviews, for sharing and for the web.
`tiled`: a plain tiled GeoTIFF without overviews, the fastest to write.

Tiles are 512 pixels wide whatever the block of the computation. Creation options are GDAL's own
(`--co NAME=VALUE` adds to them or replaces them).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

TILE = 512
"""Side of a TIFF tile in pixels."""

PANEL = 16 * TILE
"""Width in pixels of the upright panels that a picture is made in, which bounds memory for wide ones."""


@dataclass(frozen=True)
class Profile:
    """A named output format.

    Attributes:
        name: its name on the command line.
        driver: the GDAL driver of the finished file.
        options: creation options of that driver.
    """

    name: str
    driver: str
    options: Mapping[str, str] = field(default_factory=dict)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "cog",
            "COG",
            {
                "BLOCKSIZE": str(TILE),
                # Everything reads DEFLATE. On dithered pictures level 1 is as small as 6, and quicker.
                "COMPRESS": "DEFLATE",
                "LEVEL": "1",
                "PREDICTOR": "YES",
                "OVERVIEW_RESAMPLING": "AVERAGE",
                "BIGTIFF": "IF_SAFER",
                "NUM_THREADS": "ALL_CPUS",
            },
        ),
        Profile(
            "tiled",
            "GTiff",
            {
                "TILED": "YES",
                "BLOCKXSIZE": str(TILE),
                "BLOCKYSIZE": str(TILE),
                "COMPRESS": "ZSTD",
                "ZSTD_LEVEL": "1",
                "PREDICTOR": "2",
                "BIGTIFF": "IF_SAFER",
                "NUM_THREADS": "ALL_CPUS",
            },
        ),
    )
}
