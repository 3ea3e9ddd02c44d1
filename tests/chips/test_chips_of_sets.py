"""Scenes and fake chips that the sensors of a band set see."""

import torch

from potato.chips.chip import chip_bytes, load_chip
from potato.chips.fake import fake_chip
from potato.chips.scenes import scene_chip
from potato.core.band_sets import choose_sensors
from potato.core.color import mul_to_xyz, oklab_to_xyz
from potato.core.resample import block_mean
from potato.simulation.land.reflectances import load_reflectances

FOUR = choose_sensors("bgrn")
SURFACES = load_reflectances()


def test_each_chip_is_seen_by_a_random_sensor_of_the_set():
    for make in (
        lambda n: scene_chip(3, 0, 64, pass_index=n, ground="leaves", sensors=FOUR),
        lambda n: fake_chip(3, n, SURFACES, 16, FOUR)[0],
    ):
        chips = [make(n) for n in range(5)]
        assert len({chip.sensor.name for chip in chips}) > 2
        assert chip_bytes(make(4)) == chip_bytes(chips[4])


def test_targets_have_the_colours_of_the_chips_own_sensor():
    for n in range(6):
        chip = fake_chip(3, n, SURFACES, 32, FOUR)[0]
        _, mul, oklab = chip.tensors()
        true = block_mean(oklab_to_xyz(oklab), chip.sensor.ratio)
        torch.testing.assert_close(mul_to_xyz(mul, chip.sensor), true, atol=1e-3, rtol=0)


def test_commands_make_chips_of_a_set_or_a_sensor(run, tmp_path):
    calls = {
        "scenes": ("make-scenes", tmp_path / "scenes", "--size", 66),
        "fake": ("fake-chips", "--chip-dir", tmp_path / "fake", "--size", 18),
    }
    for name, call in calls.items():
        result = run(*call, "-n", 1, "--sensor", "LC08")
        assert result.exit_code == 0, result.output
        chip = load_chip(tmp_path / name / "0.pt")
        side = chip.size[0] // 2
        assert chip.sensor.name == "LC08" and chip.mul.shape == (5, side, side)
        others = run(*call, "-n", 1, "--sensor", "LC09")
        assert others.exit_code == 1 and "other" in others.stderr
        assert "that 4 divides" in run(*call, "--sensor", "neo").stderr.replace(
            "a multiple of 4", "that 4 divides"
        )
        assert "one of worldview" in run(*call, "--sensor", "sentinel").stderr
