"""Checks of a tile's files: do they match its item, and do they suit sharpening and cutting?"""

import math
from dataclasses import dataclass

import numpy as np
from rasterio.transform import array_bounds

from potato.ard.item import FORMAT, MOST_PIXELS, Tile
from potato.core.radiometry import STORED
from potato.core.windows import PairWindow
from potato.errors import ArdError, BandError, InputError, PairError
from potato.raster.coordinates import Grid
from potato.raster.image import Image
from potato.raster.layer import Layer
from potato.raster.pair import Pair, open_pair
from potato.raster.remote import remote_gdal, try_again

LARGE = 1024
"""Pixels along a side above which a file needs TIFF blocks and overviews."""

MASK_SIDE = 64
"""Cells along a side of the small masks that are compared, at least; at most twice as many."""

MASK_TOLERANCE = 0.05
"""Share of a tile in which small masks may differ, since their edges are a cell or two wide."""

PLACE_TOLERANCE = 2.0
"""Pan pixels by which the corners of pan may lie from those of its item."""


@dataclass(frozen=True)
class Flaw:
    """A fault in the files of a tile, or a difference between them and its item.

    Attributes:
        kind: one of the keys of `doctor.ards.REMEDIES`.
        found: the particulars, in one line.
    """

    kind: str
    found: str


def inspect_tile(tile: Tile, follow_links: bool = False) -> list[Flaw]:
    """Check headers, small masks and last pixels of a tile's pan and mul.

    Args:
        tile: one that has both files.
        follow_links: whether a server may redirect to another host.

    Returns:
        The faults found; empty if there are none.
    """
    assert tile.pan is not None and tile.mul is not None
    try:
        return try_again(lambda: _inspect(tile), (tile.pan, tile.mul), follow=follow_links)
    except PairError as error:
        return [Flaw("pair", str(error))]
    except BandError as error:
        return [Flaw("bands", str(error))]
    except (InputError, ArdError) as error:
        return [Flaw("unreadable", str(error))]


def open_tile(tile: Tile) -> Pair:
    """Open the pan and the mul of a tile, which hold reflectance × 10,000.

    Raises:
        InputError, BandError, PairError: if they can't be used, as `raster.open_pair` says, or
            don't have the ratio of their sensor.
    """
    assert tile.sensor is not None
    layers = (Layer(path, path, calibration=STORED, driver=FORMAT) for path in (tile.pan, tile.mul) if path)
    pair = open_pair(*layers, sensor=tile.sensor)
    if max(pair.grid.height, pair.grid.width) > MOST_PIXELS:
        pair.close()
        raise InputError(
            f"{tile.pan}: expected a tile of up to {MOST_PIXELS:,} pixels a side, found "
            f"{pair.grid.width:,} × {pair.grid.height:,}"
        )
    if pair.ratio != tile.sensor.ratio:
        pair.close()
        raise PairError(
            f"expected mul pixels of {tile.sensor.title} {tile.sensor.ratio} times as large as pan's, "
            f"found {pair.ratio} × {pair.ratio}; fetch both again, from one delivery"
        )
    return pair


def open_checked_tile(tile: Tile) -> Pair:
    """Open a tile as `open_tile` does, if its files are those that its item describes.

    Raises:
        InputError: if size or place differ.
    """
    pair = open_tile(tile)
    mismatch = metadata_mismatch(tile, pair.grid)
    if mismatch:
        pair.close()
        raise InputError(f"item and file disagree: {mismatch}")
    return pair


def metadata_mismatches(tile: Tile, grid: Grid) -> list[Flaw]:
    """Compare a tile's item with its files.

    Args:
        tile: the item.
        grid: of pan.

    Returns:
        Flaws of kind "size" or "place"; empty if item and files agree.
    """
    flaws = []
    if tile.shape and tile.shape != (grid.height, grid.width):
        said = " × ".join(map(str, tile.shape))
        flaws.append(Flaw("size", f"pan has {grid.height} × {grid.width} pixels, its item says {said}"))
    code = grid.crs.to_epsg() if grid.crs else None
    # A CRS that GDAL finds no code for may well be the one that the item names.
    if tile.epsg and code != tile.epsg and (code or not grid.crs):
        flaws.append(Flaw("place", f"pan is in EPSG:{code}, its item says EPSG:{tile.epsg}"))
    elif tile.bbox:
        bounds = array_bounds(grid.height, grid.width, grid.transform)
        off = max(abs(one - other) for one, other in zip(bounds, tile.bbox, strict=True))
        if off > PLACE_TOLERANCE * abs(grid.transform.a):
            flaws.append(Flaw("place", f"the corners of pan lie {off:.1f} m from where its item says"))
    return flaws


def metadata_mismatch(tile: Tile, grid: Grid) -> str | None:
    """The first difference between a tile's item and its pan, in one line; None if they agree."""
    return next((flaw.found for flaw in metadata_mismatches(tile, grid)), None)


def _inspect(tile: Tile) -> list[Flaw]:
    assert tile.pan is not None and tile.mul is not None
    with remote_gdal(), open_tile(tile) as pair:
        flaws = [Flaw("resampled", note) for note in pair.notes] + metadata_mismatches(tile, pair.grid)
        for image in (pair.pan, pair.mul):
            flaws += _layout(image)
        return flaws + _pixels(pair, tile)


def _layout(image: Image) -> list[Flaw]:
    flaws = []
    dataset = image.dataset
    if not image.has_mask and dataset.nodatavals[image.indexes[0] - 1] is None:
        flaws.append(Flaw("mask", f"{image.path} has neither a mask nor a nodata value"))
    if max(dataset.shape) > LARGE:
        if not dataset.overviews(image.indexes[0]):
            flaws.append(Flaw("overviews", f"{image.path} has none"))
        if dataset.block_shapes[image.indexes[0] - 1][1] == dataset.width:
            flaws.append(Flaw("strips", f"{image.path} is stored in rows"))
    return flaws


def _pixels(pair: Pair, tile: Tile) -> list[Flaw]:
    # An interrupted download lacks the end of the file; overviews lie before it.
    pair.read(PairWindow(pair.height - 1, pair.width - 1, 1, 1))
    small = pair.reduced(2 ** max(0, math.floor(math.log2(max(pair.height, pair.width) / MASK_SIDE))))
    pixels = small.read(PairWindow(0, 0, small.height, small.width))
    pan = pixels.pan_valid.reshape(small.height, pair.ratio, small.width, pair.ratio).mean((1, 3)) > 0.5
    mul = pixels.mul_valid
    if not (pan & mul).any():
        return [Flaw("empty", "no pixel is valid in both images")]
    flaws = []
    apart = float(np.mean(pan & ~mul))
    if apart > MASK_TOLERANCE:
        flaws.append(Flaw("masks", f"{apart:.0%} of pan has no valid mul below it"))
    across, down = pair.grid.width * abs(pair.grid.transform.a), pair.grid.height * abs(pair.grid.transform.e)
    if tile.data_area is not None:
        share, said = float(np.mean(pan & mul)), tile.data_area * 1e6 / (across * down)
        if abs(share - said) > MASK_TOLERANCE:
            flaws.append(Flaw("area", f"{share:.0%} of the tile is valid, its item says {said:.0%}"))
    return flaws
