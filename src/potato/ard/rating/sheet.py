"""The sheet: an HTML page on which ratings can be viewed, changed and saved."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from potato.ard.rating.measures import Rating
from potato.raster.encoding import encode_jpeg
from potato.raster.html_page import html_page


def make_sheet(
    ratings: Sequence[Rating],
    pictures: Mapping[str, NDArray[np.uint8]],
    left_out: Mapping[str, int],
    title: str,
) -> str:
    """Make the sheet: HTML without external files.

    Metadata goes into it as JSON that the page shows as text, never as markup.

    Args:
        ratings: best first.
        pictures: codes uint8 (3, h, w), by catalog ID.
        left_out: number of tiles that can't be used, by reason.
        title: the ARD's address.
    """
    rows = [
        {**asdict(one), "picture": base64.b64encode(encode_jpeg(pictures[one.cid])).decode()}
        for one in ratings
    ]
    return html_page("sheet.html", title, {"ratings": rows, "left_out": sorted(left_out.items())})
