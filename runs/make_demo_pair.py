"""Simulate the pair of `potato demo`, which is shipped in the package's assets.

    python runs/make_demo_pair.py

Potato's own simulation made it, so it has Potato's licence. Other versions of torch may give other
noise.
"""

import tempfile
from pathlib import Path

import rasterio.shutil

import potato
from potato.demonstration import SHIPPED
from potato.simulation.pair_files import write_pair

SIZE, SEED = 768, 1
"""The largest pair of at most 1.5 MB; one with a river, a wood, roofs, cars, and a ragged edge."""

SMALL = {"COMPRESS": "DEFLATE", "LEVEL": "9", "PREDICTOR": "YES", "OVERVIEWS": "NONE"}
"""Creation options; images of this size need no overviews, which take a quarter of a file."""

if __name__ == "__main__":
    assets = Path(potato.__file__).parent / "assets"
    with tempfile.TemporaryDirectory() as folder:
        write_pair(*(Path(folder, name) for name in SHIPPED), SIZE, SEED)
        for name in SHIPPED:
            rasterio.shutil.copy(Path(folder, name), assets / name, driver="COG", **SMALL)
