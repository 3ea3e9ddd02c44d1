"""Commands of other programs that messages recommend. A test runs each of them."""

import ntpath
import shlex

from potato.core.text import redact

TAKE_BANDS = "gdal_translate -b 1 -b 2 … IN OUT"
"""Keeps some bands of a file."""

STACK = "rio stack BLUE GREEN RED NIR -o OUT"
"""Puts files of a band each into one file."""

AS_FLOATS = "gdal_translate -ot Float32 IN OUT"
"""Stores numbers of any type as floats."""

AS_BYTES = "gdal_translate -ot Byte IN OUT"
"""Stores a picture whose values are 0 to 255 in 8 bits."""

SHARES_AS_BYTES = "gdal_translate -ot Byte -scale 0 1 0 255 IN OUT"
"""Stores a picture whose values are 0 to 1 in 8 bits."""

IN_TILES = "gdal_translate -co TILED=YES -co COMPRESS=DEFLATE IN OUT"
"""Stores an image in small blocks."""

AS_COG = "gdal_translate -of COG IN OUT"
"""Stores an image in small blocks, with overviews."""

ADD_OVERVIEWS = "gdaladdo -r average IMAGE"
"""Adds overviews to an image."""

GIVE_PLACE = "gdal_translate -a_srs EPSG:CODE -a_ullr WEST NORTH EAST SOUTH IN OUT"
"""Gives an image its place on Earth."""

MOVE = "gdal_translate -a_ullr WEST NORTH EAST SOUTH IN OUT"
"""Gives an image other corners."""

PROJECT = "gdalwarp -rpc -t_srs EPSG:CODE -tr SIZE SIZE -tap IN OUT"
"""Projects an image with RPCs."""

FIRST_COLUMN = "cut -d, -f1 IN > OUT"
"""Keeps the first column of a table."""

UPGRADE_RASTERIO = "pip install --upgrade rasterio"
"""Brings a newer GDAL."""

RASTERIO_WHEELS = "pip install --force-reinstall --only-binary rasterio rasterio"
"""Brings rasterio with its own GDAL and PROJ."""


def name_crs(crs: str, path: str) -> str:
    """The command that writes a CRS into a file."""
    return f"rio edit-info --crs {shlex.quote(crs)} {_quoted(path)}"


def warp_onto(
    path: str,
    box: tuple[float, float, float, float],
    pixel: tuple[float, float],
    ending: str,
    crs: str | None = None,
) -> str:
    """The command that warps an image onto a grid.

    Args:
        path: of the image.
        box: west, south, east, north of the grid.
        pixel: width and height of its pixels.
        ending: what the name of the new file ends in.
        crs: of the grid, if it isn't the image's.
    """
    target = f" -t_srs {shlex.quote(crs)}" if crs else ""
    sizes, edges = (" ".join(repr(float(number)) for number in numbers) for numbers in (pixel, box))
    return f"gdalwarp{target} -tr {sizes} -te {edges} -r lanczos {_files(path, ending)}"


def warp_freely(path: str, options: str, crs: str, size: float, ending: str) -> str:
    """The command that warps an image onto a grid whose corners are multiples of `size`.

    Args:
        path: of the image.
        options: what says where it lies, such as `-rpc`.
        crs: of the grid.
        size: of its pixels.
        ending: what the name of the new file ends in.
    """
    target = f"-t_srs {shlex.quote(crs)} -tr {size!r} {size!r} -tap"
    return f"gdalwarp {options} {target} -r lanczos {_files(path, ending)}"


def _files(path: str, ending: str) -> str:
    """A file and a new one in the current folder, for a command line."""
    stem = ntpath.splitext(ntpath.basename(redact(path)))[0]  # after separators of any system
    return f"{_quoted(path)} {shlex.quote(f'{stem}-{ending}.tif')}"


def _quoted(path: str) -> str:
    """A path for a command line, without what may be secret in it."""
    return shlex.quote(redact(path))
