"""Simulate the pair of `potato demo` and its truth, which are shipped in the package's assets.

    python runs/make_demo_pair.py

Potato's own simulation made it, so it has Potato's licence. Other versions of torch may give other
noise.
"""

from pathlib import Path

import potato
from potato.demonstration import SHIPPED
from potato.simulation.pair_files import write_pair

SIZE, SEED = 768, 1
"""The largest pair of at most 1.5 MB; one with a river, a wood, roofs, cars, and a ragged edge."""

if __name__ == "__main__":
    assets = Path(potato.__file__).parent / "assets"
    write_pair(*(assets / name for name in SHIPPED), SIZE, SEED)
