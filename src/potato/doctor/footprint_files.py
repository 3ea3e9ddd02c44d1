"""Footprints of a source, as GeoJSON and as a map."""

import json
from collections.abc import Iterator
from pathlib import Path

from potato.core.text import redact
from potato.core.types import PathLike
from potato.doctor.footprint_map import make_map
from potato.doctor.footprints import feature_collection, find_footprints
from potato.fusion.ard.choice import Choice
from potato.raster.atomic import write_whole
from potato.raster.output_files import check_output


def show_footprints(
    source: str,
    geojson: PathLike | bool | None = None,
    page: PathLike | None = None,
    overwrite: bool = False,
    follow_links: bool = False,
    choice: Choice | None = None,
) -> Iterator[str | Path]:
    """Write the outlines of the tiles of an ARD, or of the products of a delivery.

    Args:
        source: an ARD or a delivery.
        geojson: the file to write as GeoJSON (RFC 7946); True for the text itself.
        page: the file to write as a map, an HTML page that works offline.
        overwrite: whether to replace files.
        follow_links: as `fuse_ard` takes it.
        choice: the tiles; None for all.

    Yields:
        The GeoJSON, if it isn't written to a file, and the files.

    Raises:
        OutputError, OutputExists: if a file can't be written.
        ArdError, InputError: if the source can't be read.
    """
    target = None if geojson is True or not geojson else check_output(geojson, overwrite)
    map_path = None if page is None else check_output(page, overwrite)
    footprints = list(find_footprints(source, follow_links=follow_links, choice=choice))
    text = json.dumps(feature_collection(footprints), ensure_ascii=False)
    if target:
        write_whole(target, text + "\n")
        yield target
    elif geojson:
        yield text
    if map_path:
        write_whole(map_path, make_map(footprints, redact(source)))
        yield map_path
