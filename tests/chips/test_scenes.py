"""Chips of simulated scenes: repeatable, of any ground, with the truth as their target."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from grounds import photograph
from potato.chips import scenes
from potato.chips.scenes import GROUNDS, list_photographs, make_scenes, scene_chip
from potato.core.color import delta_e_ok
from potato.errors import InputError
from potato.model.model import Architecture
from potato.model.network import Sharpener, sharpen
from potato.raster.pictures import read_photograph


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty photographs, as PNG."""
    place = tmp_path_factory.mktemp("photographs")
    for n in range(20):
        with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
            file = rasterio.open(
                place / f"{n:02}.png", "w", driver="PNG", width=96, height=96, count=3, dtype="uint8"
            )
        with file:
            file.write(photograph(n).numpy())
    return place


def test_photographs_are_found_and_read(folder):
    paths = list_photographs(folder)
    assert len(paths) == 20 and list_photographs(None) == ()
    assert np.array_equal(read_photograph(paths[3]), photograph(3).numpy())


def test_training_and_judging_share_no_photograph(folder, monkeypatch):
    read = {"scene": set(), "test scene": set()}
    paths = list_photographs(folder)
    for series, seen in read.items():
        monkeypatch.setattr(
            scenes, "read_photograph", lambda path, seen=seen: (seen.add(path), read_photograph(path))[1]
        )
        for index in range(12):
            scene_chip(77, index, 64, series, photographs=paths, ground="photographs")
    assert read["scene"] and read["test scene"] and not read["scene"] & read["test scene"]


def test_every_kind_of_ground_gives_a_chip(folder):
    paths = list_photographs(folder)
    for kind in GROUNDS:
        chip = scene_chip(5, 0, 64, photographs=paths, ground=kind)
        assert chip.size == (64, 64)


def test_scenes_of_photographs_are_repeatable_and_differ_from_others(folder, tmp_path):
    for name in ("a", "b"):
        made = make_scenes(tmp_path / name, count=3, size=64, seed=4, photographs=folder)
        assert made.made == 3
    for n in range(3):
        assert (tmp_path / "a" / f"{n}.pt").read_bytes() == (tmp_path / "b" / f"{n}.pt").read_bytes()
    make_scenes(tmp_path / "c", count=3, size=64, seed=4)
    assert any(
        (tmp_path / "a" / f"{n}.pt").read_bytes() != (tmp_path / "c" / f"{n}.pt").read_bytes()
        for n in range(3)
    )


def test_folder_without_photographs_is_refused(tmp_path, folder):
    with pytest.raises(InputError, match="expected a folder of aerial photographs"):
        list_photographs(tmp_path)
    with pytest.raises(InputError, match="at least 10 photographs"):
        scene_chip(1, 1, 64, photographs=list_photographs(folder)[:1], ground="photographs")


def test_file_that_is_no_photograph_is_refused(tmp_path):
    bad = tmp_path / "x.png"
    bad.write_bytes(b"nothing")
    with pytest.raises(InputError, match="can't open photograph"):
        read_photograph(bad)


def test_every_scene_gets_clutter_last(monkeypatch):
    """After all changes of colour, whatever the ground: clutter isn't desaturated."""
    asked = []
    monkeypatch.setattr(scenes, "scatter_objects", lambda ground, *rest: asked.append(ground.style) or ground)
    for ground in ("leaves", "land"):
        scene_chip(3, 900_000, 64, ground=ground)
    assert len(asked) == 2


def test_cell_is_valid_only_if_all_its_pan_pixels_are():
    valid = torch.ones(8, 12, dtype=torch.bool)
    valid[3, 7] = False
    assert scenes.whole_cells(valid, 4).tolist() == [[True, False, True], [True, True, True]]


@pytest.fixture(scope="module")
def pool(tmp_path_factory) -> Path:
    """12 chips of simulated scenes, 80 pixels wide."""
    folder = tmp_path_factory.mktemp("pool")
    make_scenes(folder, count=12, seed=1, size=80)
    return folder


def test_scene_chips_depend_on_seed_and_number_alone(tmp_path, pool):
    made = make_scenes(tmp_path / "more", count=3, starting_from=2, seed=1, size=80)
    assert (made.made, made.there) == (3, 0)
    for number in (2, 3, 4):
        name = f"{number}.pt"
        assert (tmp_path / "more" / name).read_bytes() == (pool / name).read_bytes()
    again = make_scenes(tmp_path / "more", count=5, seed=1, size=80)
    assert (again.made, again.there) == (2, 3)
    assert len({(pool / f"{number}.pt").read_bytes() for number in range(12)}) == 12
    with pytest.raises(InputError, match="size from 64"):
        make_scenes(tmp_path / "odd", count=1, size=66)


def test_several_processes_make_the_same_scenes(tmp_path, pool, run):
    result = run("make-scenes", tmp_path / "chips", "-n", 2, "--seed", 1, "--size", 80, "-j", 2, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["made"] == 2
    for name in ("0.pt", "1.pt"):
        assert (tmp_path / "chips" / name).read_bytes() == (pool / name).read_bytes()


def test_predictor_is_near_the_truth_of_scenes_of_which_some_have_edges(tmp_path):
    chips = [scene_chip(3, number, 80) for number in range(30)]
    shares = [float(chip.valid.float().mean()) for chip in chips]
    assert 0 < sum(share < 1 for share in shares) < 12
    predictor = Sharpener(Architecture(depth=0))
    for chip in chips[:5]:
        pan, mul, target = (image[None] for image in chip.tensors())
        valid = chip.valid
        with torch.no_grad():
            distance = delta_e_ok(sharpen(predictor, pan, mul), target)
        assert float(distance[valid].mean()) < 4
    for chip in chips:
        edge = chip.valid
        assert bool((chip.pan.int()[edge] > 0).all())
