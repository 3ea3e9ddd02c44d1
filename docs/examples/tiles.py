"""Web tiles sharpened on demand: a reader for rio-tiler, and a titiler server of an ARD's pairs.

    pip install 'potato-pansharp[tiles]'
    POTATO_ARD=ards/demo/ard uvicorn --app-dir docs/examples tiles:app

Then open http://127.0.0.1:8000/WebMercatorQuad/map.html?item=ZONE/QUADKEY/DATE/CID in a browser.
"""

import functools
import os
from typing import Annotated, Any

import attr
import numpy as np
from fastapi import FastAPI, Query
from morecantile import TileMatrixSet
from rasterio.crs import CRS
from rasterio.features import bounds as feature_bounds
from rasterio.transform import array_bounds, from_bounds
from rasterio.warp import transform, transform_bounds
from rio_tiler.constants import WEB_MERCATOR_TMS, WGS84_CRS
from rio_tiler.errors import PointOutsideBounds, TileOutsideBounds
from rio_tiler.io import BaseReader
from rio_tiler.models import BandStatistics, ImageData, Info, PointData
from rio_tiler.utils import CRS_to_uri
from titiler.core.dependencies import DefaultDependency
from titiler.core.errors import DEFAULT_STATUS_CODES, add_exception_handlers
from titiler.core.factory import TilerFactory
from titiler.core.resources.enums import ImageType
from titiler.core.utils import render_image

from potato import load_model, open_pair, sharpen_onto
from potato.core.sensors import Sensor
from potato.errors import InputError
from potato.raster.coordinates import Grid
from potato.raster.gdal_env import gdal

BBox = tuple[float, float, float, float]


@functools.cache
def shipped_model(sensor: Sensor) -> Any:
    """The shipped weights of a sensor, or the predictor without any; loaded once."""
    return load_model(sensor=sensor)


@attr.s
class PairReader(BaseReader):
    """A pan and a mul that rio-tiler reads as one picture in true colour, sharpened on demand.

    with PairReader(("x-pan.tif", "x-ms.tif")) as reader:
        png = reader.tile(73258, 99752, 18).render()

    Attributes:
        input: paths or addresses of pan and mul.
        look: `natural` (8 bits) or `flat` (16 bits).
        model: from `potato.load_model`; None for the shipped weights of the pair's sensor.
    """

    input: tuple[str, str] = attr.ib()
    tms: TileMatrixSet = attr.ib(default=WEB_MERCATOR_TMS)
    look: str = attr.ib(default="natural")
    model: Any = attr.ib(default=None)

    def __attrs_post_init__(self) -> None:
        self._pair = open_pair(*self.input)
        self.model = self.model or shipped_model(self._pair.sensor)
        grid = self._pair.grid
        self.crs, self.transform, self.height, self.width = grid.crs, grid.transform, grid.height, grid.width
        self.bounds = array_bounds(grid.height, grid.width, grid.transform)

    def __exit__(self, *error: object) -> None:
        self._pair.close()

    @property
    def minzoom(self) -> int:
        """The zoom at which the whole pair is about one web tile."""
        return self._minzoom

    @property
    def maxzoom(self) -> int:
        """The zoom whose pixels are about those of pan."""
        return self._maxzoom

    def info(self) -> Info:
        """Bounds, bands and data type."""
        names = ("red", "green", "blue")
        return Info(
            bounds=self.bounds,
            crs=CRS_to_uri(self.crs) or self.crs.to_wkt(),
            band_metadata=[(f"b{number}", {}) for number in (1, 2, 3)],
            band_descriptions=[(f"b{number}", name) for number, name in enumerate(names, 1)],
            dtype="uint8" if self.look == "natural" else "uint16",
            nodata_type="Mask",
        )

    def part(
        self,
        bbox: BBox,
        dst_crs: CRS | None = None,
        bounds_crs: CRS = WGS84_CRS,
        width: int | None = None,
        height: int | None = None,
        max_size: int | None = 1024,
    ) -> ImageData:
        """A box; without width and height its longer side has `max_size` pixels."""
        crs = dst_crs or bounds_crs
        if crs != bounds_crs:
            bbox = transform_bounds(bounds_crs, crs, *bbox, densify_pts=21)
        across, down = bbox[2] - bbox[0], bbox[3] - bbox[1]
        finest = max(across, down) / (max_size or 1024)
        width, height = width or max(1, round(across / finest)), height or max(1, round(down / finest))
        grid = Grid(height, width, crs, from_bounds(*bbox, width, height))
        with gdal():
            rgb, mask = sharpen_onto(self._pair, grid, self.model, self.look)
        array = np.ma.MaskedArray(rgb, np.stack([~mask] * 3))
        return ImageData(array, assets=list(self.input), bounds=bbox, crs=crs)

    def tile(self, tile_x: int, tile_y: int, tile_z: int, tilesize: int | None = None) -> ImageData:
        """A web tile."""
        if not self.tile_exists(tile_x, tile_y, tile_z):
            raise TileOutsideBounds(f"Tile(x={tile_x}, y={tile_y}, z={tile_z}) is outside bounds")
        crs, matrix = self.tms.rasterio_crs, self.tms.matrix(tile_z)
        bbox = tuple(self.tms.xy_bounds(tile_x, tile_y, tile_z))
        return self.part(bbox, crs, crs, tilesize or matrix.tileWidth, tilesize or matrix.tileHeight)

    def preview(self, max_size: int = 1024) -> ImageData:
        """The whole pair at `max_size` pixels along its longer side."""
        return self.part(self.bounds, self.crs, self.crs, max_size=max_size)

    def feature(self, shape: dict[str, Any], shape_crs: CRS = WGS84_CRS, **size: Any) -> ImageData:
        """The pixels that a GeoJSON geometry touches."""
        image = self.part(feature_bounds(shape), bounds_crs=shape_crs, **size)
        image.array.mask |= image.get_coverage_array(shape, shape_crs=shape_crs) == 0
        return image

    def point(self, lon: float, lat: float, coord_crs: CRS = WGS84_CRS) -> PointData:
        """The pixel at a place."""
        (x,), (y,) = transform(coord_crs, self.crs, [lon], [lat])
        column, row = ~self.transform @ (x, y)
        if not (0 <= column < self.width and 0 <= row < self.height):
            raise PointOutsideBounds("Point is outside dataset bounds")
        west, north = self.transform @ (int(column), int(row))
        east, south = self.transform @ (int(column) + 1, int(row) + 1)
        image = self.part((west, south, east, north), self.crs, self.crs, 1, 1)
        return PointData(image.array[:, 0, 0], coordinates=(lon, lat), crs=coord_crs)

    def statistics(self, **size: Any) -> dict[str, BandStatistics]:
        """Statistics of a preview."""
        return self.preview(**size).statistics()


def tile_pair(
    item: Annotated[
        str,
        # The pattern keeps clients from naming other files or servers.
        Query(
            pattern=r"^\d{1,2}/[0-3]{12}/\d{4}-\d\d-\d\d/[0-9A-F]{16}$", description="zone/quadkey/date/CID"
        ),
    ],
) -> tuple[str, str]:
    """Pan and mul of an ARD tile; the server shows the ARD in POTATO_ARD, a folder or `s3://…`."""
    base = f"{os.environ['POTATO_ARD'].rstrip('/')}/{item}"
    return f"{base}-pan.tif", f"{base}-ms.tif"


def encode(image: ImageData, output_format: ImageType | None = None, **options: Any) -> tuple[bytes, str]:
    """An image as a file; PNG at its quickest, since noise and dither hardly compress further."""
    quick = {"zlevel": 1} if output_format == ImageType.png else {}
    return render_image(image, output_format=output_format, **options, **quick)


class SharpTiles(TilerFactory):
    """The routes of a viewer. Colours are final, so there are no bands to choose or stretch."""

    def register_routes(self) -> None:
        """Register tiles, their description, points, and a viewer."""
        self.info()
        self.tile()
        self.tilejson()
        self.point()
        self.map_viewer()


tiles = SharpTiles(
    reader=PairReader,
    render_func=encode,
    path_dependency=tile_pair,
    layer_dependency=DefaultDependency,
    dataset_dependency=DefaultDependency,
    tile_dependency=DefaultDependency,
    process_dependency=lambda: None,
    colormap_dependency=lambda: None,
)
app = FastAPI(title="Potato tiles")
app.include_router(tiles.router)
add_exception_handlers(app, DEFAULT_STATUS_CODES | {InputError: 404, PointOutsideBounds: 404})
