"""Training on each band set, and on chips of several sensors at once."""

from dataclasses import replace

import pytest
import torch

from networks import random_network
from potato.chips.chip import save_chip
from potato.chips.scenes import scene_chip
from potato.core.band_sets import BAND_SETS
from potato.core.sensor_table import GEOEYE_1, QUICKBIRD_2, WORLDVIEW_2
from potato.errors import InputError, SessionError
from potato.model.network import Sharpener
from potato.model.weights import load_model, save_model
from potato.training import run
from potato.training.checkpoints import find_origin, start_network
from potato.training.data import chip_paths
from potato.training.loader import collate
from potato.training.run import train
from potato.training.score import score_batches, sharpen_batch
from potato.training.step import Learner, batch_loss, train_step
from training_runs import CPU, samples, train_config


@pytest.mark.parametrize("pool", BAND_SETS, ids=lambda pool: pool.name)
def test_a_network_learns_each_set(tmp_path, pool):
    for number, sensor in enumerate(pool.sensors[:2]):
        save_chip(scene_chip(3, number, 64, ground="leaves", sensors=(sensor,)), tmp_path / f"{number}.pt")
    plan = train_config(tmp_path, tmp_path, lr=5e-3, warm_up=0)
    network, _ = start_network(find_origin(plan), plan, pool.sensors[0])
    batch = collate(list(samples(tmp_path, sensors=pool.sensors).held_out(chip_paths(tmp_path))))
    learner = Learner.start(network, plan, CPU)
    before = batch_loss(learner.model, batch, CPU, plan)[1]
    for _ in range(16):
        train_step(learner, [batch], plan, 100)
    assert batch_loss(learner.model, batch, CPU, plan)[1] < 0.97 * before
    save_model(learner.ema, tmp_path / "0.safetensors")
    loaded = load_model(tmp_path / "0.safetensors", pool.sensors[-1])
    assert loaded.architecture == learner.ema.architecture


def four_band_pool(folder):
    """Two chips of sensors with other colours."""
    folder.mkdir()
    for number, sensor in enumerate((GEOEYE_1, QUICKBIRD_2)):
        save_chip(scene_chip(3, number, 64, ground="leaves", sensors=(sensor,)), folder / f"{number}.pt")
    return chip_paths(folder)


def test_every_chip_is_learnt_and_judged_by_the_colours_of_its_own_sensor(tmp_path):
    paths = four_band_pool(tmp_path / "chips")
    ones = list(samples(tmp_path / "chips", sensors=(GEOEYE_1,)).held_out(paths))
    assert [batch.sensors[0] for batch in ones] == [GEOEYE_1, QUICKBIRD_2]
    network = random_network(GEOEYE_1, 8, 2, std=0.01)
    with torch.no_grad():
        plan = train_config(tmp_path, None)
        apart = [batch_loss(network, batch, CPU, plan)[1] for batch in ones]
        together = batch_loss(network, collate(ones), CPU, plan)[1]
        swapped = ones[1]._replace(sensors=ones[0].sensors)
        assert batch_loss(network, swapped, CPU, plan)[1] > 1.01 * apart[1]
    torch.testing.assert_close(together, sum(apart), rtol=1e-5, atol=0)
    assert (
        score_batches(network, [swapped], CPU).delta_e > 1.01 * score_batches(network, ones[1:], CPU).delta_e
    )
    own = [sharpen_batch(network, batch, CPU)[2] for batch in ones]
    expected = sharpen_batch(Sharpener.of(network.model(), QUICKBIRD_2), ones[1], CPU)[2]
    torch.testing.assert_close(own[1], expected)


def test_a_session_starts_from_the_shipped_weights_of_its_chips(tmp_path, ship):
    ship(worldview=random_network(), bgrn=random_network(GEOEYE_1))
    plan = train_config(tmp_path, None, load_epoch=63, width=None, depth=None)
    for sensor, name in ((WORLDVIEW_2, "worldview"), (QUICKBIRD_2, "bgrn")):
        network, text = start_network(find_origin(plan), plan, sensor)
        assert network.sensor == sensor and network.model().digest == load_model(name).digest
        assert text == f"starting from shipped/63: 8 × 3, weights {load_model(name).digest}"


def test_scenes_beside_chips_are_of_their_set(tmp_path, monkeypatch, ship):
    ship(worldview=random_network())
    monkeypatch.setattr(run, "_TEST_SCENES", 1)
    chips = tmp_path / "chips"
    four_band_pool(chips)
    options = {"epochs": 1, "epoch_length": 4, "passes": 1}
    trained = train(train_config(tmp_path / "s", chips, scenes=0.5, **options))
    assert load_model(trained.checkpoint).architecture.bands == GEOEYE_1.bands
    trained = train(train_config(tmp_path / "t", None, sensor="neo", size=64, **options))
    assert len(load_model(trained.checkpoint).architecture.bands) == 6
    for other, message in (
        ({"sensor": "neo"}, "expected chips of neo, found one of GeoEye-1; leave --sensor out"),
        (
            {"load_epoch": 63, "width": None, "depth": None},
            r"shipped/63: expected chips with the bands coastal.*found blue green red nir",
        ),
    ):
        with pytest.raises(SessionError, match=message):
            train(train_config(tmp_path / "u", chips, **other))
    with pytest.raises(InputError, match="one of worldview"):
        train_config(tmp_path, chips, sensor="worldview-9")


def test_a_pool_of_two_sets_is_refused(tmp_path):
    chips = tmp_path / "chips"
    four_band_pool(chips)
    save_chip(scene_chip(3, 2, 64, ground="leaves", sensors=(WORLDVIEW_2,)), chips / "2.pt")
    with pytest.raises(SessionError, match=r"2\.pt: expected a chip with the bands blue.*WorldView-2"):
        train(train_config(tmp_path / "s", chips, epochs=1, epoch_length=8))


def test_a_network_for_another_sensor_has_the_weights_of_the_first():
    first = random_network(GEOEYE_1, 8, 2)
    other = Sharpener.of(first, QUICKBIRD_2)
    assert other.sensor == QUICKBIRD_2 and first.sensor == GEOEYE_1
    assert all(one is two for one, two in zip(first.parameters(), other.parameters(), strict=True))
    dim = replace(GEOEYE_1, bands_to_xyz=tuple(tuple(x / 8 for x in row) for row in GEOEYE_1.bands_to_xyz))
    pan, mul = torch.rand(1, 16, 46, 46), torch.rand(1, 4, 46, 46)
    matrices = torch.tensor([dim.bands_to_xyz]).mT
    torch.testing.assert_close(first(pan, mul, matrices), Sharpener.of(first, dim)(pan, mul))
