"""Archives of web tiles: a picture in Web Mercator as MBTiles or PMTiles.

Web tiles are WebP of 256 × 256 pixels, transparent where the picture has no data. Those of the
finest zoom level are the pixels of the picture; each coarser level averages 2 × 2 pixels of the
level below, down to the level at which nothing is left to see.
"""

import contextlib
import sqlite3
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from potato.core.windows import PixelWindow
from potato.engine.threads import available_cores, map_blocks
from potato.errors import DiskFullError, InputError, OutputError
from potato.raster.atomic import staging_folder
from potato.raster.coordinates import WGS84, Grid
from potato.raster.encoding import encode_webp
from potato.raster.gdal_env import GDAL_ERRORS, gdal
from potato.raster.output_files import check_output
from potato.raster.overviews import halve
from potato.raster.web_mosaic import HALF_WORLD, WEB_CRS, WEB_TILE, zoom_pixel

ArchiveKind = Literal["mbtiles", "pmtiles"]

QUALITY = 90
"""Quality of WebP, 1 to 100: at 90, losses are below the dither of a picture of 8 bits."""

MBTILES_ID = 0x4D504258
"""The application ID by which `file` knows an MBTiles from other SQLite files ("MPBX")."""

WebTilePlace = tuple[int, int, int]
"""Zoom level, column and row of a web tile; rows are counted from the north."""


def write_web_archive(
    picture: Path,
    output: Path,
    kind: ArchiveKind,
    zoom: int,
    boxes: Sequence[PixelWindow],
    *,
    overwrite: bool = False,
    threads: int | None = None,
) -> None:
    """Write a picture as an archive of web tiles, whole or absent, in bounded memory.

    Args:
        picture: 8 bits, on the grid of `web_mosaic.lay_out_web`, in TIFF blocks of its own.
        output: the file to write.
        kind: `mbtiles` or `pmtiles`; the latter needs the extra "pmtiles".
        zoom: the zoom level of its pixels.
        boxes: where the picture has pixels; elsewhere it isn't read.
        overwrite: whether to replace a file.
        threads: threads that compress; None for one per core that this process may use.

    Raises:
        InputError: if the picture can't be read.
        OutputError, OutputExists: if the file can't be written.
        ImportError: if the extra isn't installed.
    """
    path = check_output(output, overwrite)
    threads = threads or available_cores()
    with _database(path), staging_folder(path) as folder, gdal(), rasterio.open(picture) as dataset:
        grid = Grid(dataset.height, dataset.width, dataset.crs, dataset.transform)
        whole = folder / "whole"
        with _MBTiles(whole) as archive:
            tiles = _tiles(dataset, grid, zoom, boxes)
            levels = set()
            for place, data in map_blocks(tiles, _encode, threads, 2 * threads + 2):
                archive.put(place, data)
                levels.add(place[0])
            archive.describe(_metadata(path.stem, grid, min(levels, default=zoom), zoom))
        if kind == "pmtiles":
            whole = _as_pmtiles(whole, folder)
        whole.replace(path)


def _tiles(
    dataset: Any, grid: Grid, zoom: int, boxes: Sequence[PixelWindow]
) -> Iterator[tuple[WebTilePlace, NDArray[np.uint8]]]:
    """All web tiles of a picture that show anything, each after those that it is made of."""
    pixel = zoom_pixel(zoom)
    left = round((grid.transform.c + HALF_WORLD) / pixel)
    top = round((HALF_WORLD - grid.transform.f) / pixel)

    def read(column: int, row: int) -> NDArray[np.uint8]:
        window = Window(column * WEB_TILE - left, row * WEB_TILE - top, WEB_TILE, WEB_TILE)
        try:
            codes: NDArray[np.uint8] = dataset.read(window=window)
        except GDAL_ERRORS as error:
            raise InputError(f"can't read the picture {dataset.name}: {error}") from error
        return codes

    def walk(
        place: WebTilePlace, near: Sequence[PixelWindow]
    ) -> Generator[tuple[WebTilePlace, NDArray[np.uint8]], None, NDArray[np.uint8] | None]:
        """Yield a tile and those below it; returns its pixels, None if it shows nothing."""
        level, column, row = place
        side = WEB_TILE << (zoom - level)
        ground = PixelWindow(row * side - top, column * side - left, side, side)
        near = [box for box in near if box.intersection(ground).size]
        if not near:
            return None
        if level == zoom:
            codes = read(column, row)
        else:
            four = np.zeros((4, 2 * WEB_TILE, 2 * WEB_TILE), np.uint8)
            for down in (0, 1):
                for right in (0, 1):
                    part = yield from walk((level + 1, 2 * column + right, 2 * row + down), near)
                    if part is not None:
                        y, x = down * WEB_TILE, right * WEB_TILE
                        four[:, y : y + WEB_TILE, x : x + WEB_TILE] = part
            codes = halve(four)
        if not codes[3].any():
            return None
        yield place, codes
        return codes

    yield from walk((0, 0, 0), boxes)


def _encode(codes: NDArray[np.uint8]) -> bytes:
    """A web tile (4, h, w) as WebP."""
    # WebP halves the resolution of colour, so black beyond an edge would darken it.
    return encode_webp(np.concatenate([_filled(codes)[:3], codes[3:]]), QUALITY)


def _filled(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (4, h, w) whose invalid pixels have about the colour of the nearest valid ones."""
    valid = codes[3] > 0
    if valid.all() or not valid.any():
        return codes
    coarse = _filled(halve(codes)).repeat(2, 1).repeat(2, 2)
    filled: NDArray[np.uint8] = np.where(valid, codes, coarse[:, : codes.shape[1], : codes.shape[2]])
    return filled


def _metadata(name: str, grid: Grid, first: int, last: int) -> dict[str, str]:
    """The metadata of an archive, as MBTiles 1.3 names them."""
    (west, north), (east, south) = (grid.transform @ place for place in ((0, 0), (grid.width, grid.height)))
    bounds = transform_bounds(f"EPSG:{WEB_CRS}", WGS84, west, south, east, north)
    middle = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    return {
        "name": name,
        "format": "webp",
        "type": "overlay",
        "version": "1",
        "bounds": ",".join(f"{value:.10f}" for value in bounds),
        "center": f"{middle[0]:.7f},{middle[1]:.7f},{max(first, last - 2)}",
        "minzoom": str(first),
        "maxzoom": str(last),
    }


@contextlib.contextmanager
def _database(path: Path) -> Iterator[None]:
    """Turn any error of SQLite into an OutputError that names `path`."""
    try:
        yield
    except sqlite3.Error as error:
        kind = DiskFullError if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL else OutputError
        raise kind(f"{path}: can't write there: {error}") from error


class _MBTiles(contextlib.AbstractContextManager["_MBTiles"]):
    """An MBTiles file that is being written: a database of SQLite."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        # What fails half written is thrown away, so no journal is needed.
        self._file.executescript(
            f"""
            PRAGMA application_id = {MBTILES_ID};
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            CREATE TABLE metadata (name TEXT, value TEXT);
            CREATE TABLE tiles
                (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB,
                 PRIMARY KEY (zoom_level, tile_column, tile_row));
            """
        )

    def put(self, place: WebTilePlace, data: bytes) -> None:
        """Add a web tile."""
        zoom, column, row = place
        # Rows of MBTiles are counted from the south.
        self._file.execute(
            "INSERT INTO tiles VALUES (?, ?, ?, ?)", (zoom, column, (1 << zoom) - 1 - row, data)
        )

    def describe(self, metadata: dict[str, str]) -> None:
        """Add the metadata."""
        for pair in metadata.items():
            self._file.execute("INSERT INTO metadata VALUES (?, ?)", pair)

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self._file.close()


def _as_pmtiles(mbtiles: Path, folder: Path) -> Path:
    """Convert an MBTiles; tiles come in PMTiles' own order, so that readers fetch ranges."""
    from pmtiles.convert import mbtiles_to_header_json
    from pmtiles.tile import tileid_to_zxy, zxy_to_tileid
    from pmtiles.writer import Writer

    whole = folder / "whole.pmtiles"
    with (
        contextlib.closing(sqlite3.connect(mbtiles)) as file,
        whole.open("wb") as target,
        tempfile.TemporaryFile(dir=folder) as contents,
    ):
        metadata = dict(file.execute("SELECT name, value FROM metadata"))
        rows = file.execute("SELECT zoom_level, tile_column, tile_row FROM tiles")
        places = sorted(zxy_to_tileid(zoom, column, (1 << zoom) - 1 - row) for zoom, column, row in rows)
        writer = Writer(target)
        # The library would keep all tiles in the system's folder for temporary files.
        writer.tile_f.close()
        writer.tile_f = contents
        for place in places:
            zoom, column, row = tileid_to_zxy(place)
            (data,) = file.execute(
                "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?",
                (zoom, column, (1 << zoom) - 1 - row),
            ).fetchone()
            writer.write_tile(place, data)
        header, _ = mbtiles_to_header_json(metadata)
        writer.finalize(header, metadata)
    return whole
