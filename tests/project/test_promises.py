"""Files of earlier versions are still read, as docs/promises.md says.

The folder version_0_1 was written by Potato 0.1.0: two chips (`fake-chips --size 16`), a checkpoint
of random weights, and a picture that this checkpoint made of a pair.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import rasterio

import potato
from potato.chips.chip import digest, load_chip
from potato.chips.link import link_chips
from potato.core.render import NATURAL, look_of

WRITTEN = Path(__file__).with_name("version_0_1")


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]


def test_chips_and_their_manifest_are_read_and_linked(tmp_path):
    for row in rows(WRITTEN / "chips"):
        path = WRITTEN / "chips" / f"{row['n']}.pt"
        assert digest(path.read_bytes()) == row["digest"]
        assert load_chip(path).valid.all()
    pool = tmp_path / "pool"
    link_chips([WRITTEN / "chips"], pool)
    assert sorted(row["source_n"] for row in rows(pool)) == [0, 1]
    assert load_chip(pool / "0.pt").pan.shape == (1, 16, 16)


def test_a_checkpoint_makes_the_picture_that_it_made(tmp_path):
    assert potato.load_model(WRITTEN / "weights.safetensors").architecture.width == 4
    weights = str(WRITTEN / "weights.safetensors")
    potato.fuse(WRITTEN / "pan.tif", WRITTEN / "ms.tif", tmp_path / "sharp.tif", weights=weights)
    pictures = []
    for path in (WRITTEN / "natural.tif", tmp_path / "sharp.tif"):
        with rasterio.open(path) as file:
            pictures.append(file.read().astype(int))
            assert look_of(file.tags(), 8) == NATURAL
    assert np.abs(pictures[0] - pictures[1]).max() <= 1, "levels of 8 bits"


def test_a_finished_picture_is_compared(run, tmp_path):
    shutil.copy(WRITTEN / "natural.tif", tmp_path / "old.tif")
    done = run("ab", tmp_path / "old.tif", tmp_path / "ab.tif")
    assert done.exit_code == 0, done.output
