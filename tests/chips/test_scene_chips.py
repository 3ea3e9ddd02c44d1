"""Chips of simulated scenes."""

import json
from pathlib import Path

import pytest
import torch

from potato.chips.scenes import make_scenes, scene_chip
from potato.core.color import delta_e_ok
from potato.errors import InputError
from potato.model.network import Architecture, Sharpener, sharpen


@pytest.fixture(scope="session")
def pool(tmp_path_factory) -> Path:
    """12 chips of simulated scenes, 80 pixels wide."""
    folder = tmp_path_factory.mktemp("pool")
    make_scenes(folder, count=12, seed=1, size=80)
    return folder


def test_scene_chips_depend_on_seed_and_number_alone(tmp_path, pool):
    made = make_scenes(tmp_path / "more", count=3, starting_from=2, seed=1, size=80)
    assert (made.made, made.kept) == (3, 0)
    for number in (2, 3, 4):
        name = f"{number}.pt"
        assert (tmp_path / "more" / name).read_bytes() == (pool / name).read_bytes()
    again = make_scenes(tmp_path / "more", count=5, seed=1, size=80)
    assert (again.made, again.kept) == (2, 3)
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
