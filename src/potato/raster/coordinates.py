"""Places on the Earth and on a grid."""

from rasterio.warp import transform

from potato.raster.gdal_env import Grid


def grid_to_lonlat(grid: Grid, x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude (WGS 84) of column `x` and row `y` of a grid; corners are whole numbers."""
    longitude, latitude = transform(grid.crs, "EPSG:4326", *([value] for value in grid.transform @ (x, y)))
    return longitude[0], latitude[0]


def lonlat_to_grid(grid: Grid, longitude: float, latitude: float) -> tuple[float, float]:
    """Column and row of a grid at a longitude and latitude (WGS 84): inverse of `grid_to_lonlat`."""
    x, y = transform("EPSG:4326", grid.crs, [longitude], [latitude])
    return map_to_grid(grid, x[0], y[0])


def map_to_grid(grid: Grid, x: float, y: float) -> tuple[float, float]:
    """Column and row of a grid at a place in its own CRS."""
    column, row = ~grid.transform @ (x, y)
    return column, row
