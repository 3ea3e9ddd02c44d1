"""The samples of a run: order, scenes, artefacts, unreadable chips, held-out chips."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from potato.chips.chip import Chip, load_chip, save_chip
from potato.chips.scenes import scene_chip
from potato.core.color import delta_e_ok
from potato.core.resample import block_mean
from potato.core.sensor_table import GEOEYE_1
from potato.errors import SessionError
from potato.training.data import Samples, chip_artefact_weight, chip_paths, data_digest
from potato.training.distributed import Ranks
from potato.training.loader import collate
from potato.training.run import train
from training_runs import CPU, ROOT, same, samples, train_config


def test_each_chip_appears_once_per_round_in_an_order_that_the_seed_gives(pool):
    plain = [chip.target for chip in map(load_chip, chip_paths(pool))]

    def which(sample) -> int:
        """Index of a sample's chip, found by the sum of squares, which turning keeps."""
        sums = [float((target.double() ** 2).sum()) for target in plain]
        return sums.index(float((sample.target.double() ** 2).sum()))

    source = samples(pool)
    order = [which(source[place]) for place in range(36)]
    exposures = {float(source[place].exposure) for place in range(36)}
    assert len(exposures) == 36 and len({source[place].mul.numpy().tobytes() for place in range(36)}) == 36
    for round_ in (order[:12], order[12:24], order[24:]):
        assert sorted(round_) == list(range(12))
    assert order[:12] != order[12:24]
    assert order == [which(source[place]) for place in range(36)]
    assert order[:12] != [which(samples(pool, seed=1)[place]) for place in range(12)]


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_scenes_have_their_share_and_depend_on_the_seed_alone(pool, share):
    source = samples(pool, scene_share=share, instrument=False)
    chips = {float(load_chip(path).target.double().square().sum()) for path in chip_paths(pool)}
    known = [float(source[place].target.double().square().sum()) in chips for place in range(8)]
    assert known.count(False) == 8 * share
    first = scene_chip(0, 0, 80)
    scene = source[known.index(False)]
    assert torch.equal(scene.pan.flatten().sort().values, first.pan.view(torch.int16).flatten().sort().values)
    assert same(source[3], source[3])


def test_passes_show_one_ground_with_other_haze_and_noise(pool):
    chips = [scene_chip(0, 0, 80, pass_index=n) for n in (0, 1)]
    assert not torch.equal(chips[0].mul.int(), chips[1].mul.int())
    off = delta_e_ok(*(chip.tensors()[2] for chip in chips))[(chips[0].valid & chips[1].valid)[0]]
    other = delta_e_ok(*(chip.tensors()[2] for chip in (chips[0], scene_chip(0, 1, 80))))
    assert float(off.mean()) < 0.6 * float(other.mean()), "haze differs, the ground doesn't"
    assert torch.equal(
        samples(pool, scene_share=1.0, passes=3)[5].pan.flatten().sort().values,
        scene_chip(0, 1, 80, pass_index=2).pan.view(torch.int16).flatten().sort().values,
    )


def test_instrument_option_gives_three_chips_in_four_artefacts(pool):
    def sums(source: Samples) -> list[list[int]]:
        """Sums of each image, which turning keeps."""
        found = [source[place] for place in range(60)]
        return [[int(image.int().sum()) for image in (one.target, one.pan, one.mul)] for one in found]

    clean, faulty = sums(samples(pool, instrument=False)), sums(samples(pool))
    assert [a[0] for a in clean] == [b[0] for b in faulty], "the truth stays"
    changed = [a[1:] != b[1:] for a, b in zip(clean, faulty, strict=True)]
    assert 0.6 < sum(changed) / 60 < 0.9


def grey_chip(pan: Tensor, blur: int = 1, native: bool = True) -> Chip:
    """A chip whose bands are all pan's cell means, means again over `blur` × `blur` cells."""
    chip, cells = scene_chip(0, 0, pan.shape[-1]), block_mean(pan[None], 4)
    mul = avg_pool2d(pad(cells, [blur // 2] * 4, mode="reflect"), blur, 1)[0].expand(8, -1, -1)
    pan, mul = (image.round().to(torch.uint16) for image in (pan, mul))
    return replace(chip, pan=pan, mul=mul, native=native, target=chip.target.abs())


def test_artefact_weight_is_1_for_soft_native_images_and_for_added_artefacts(pool, tmp_path):
    """Chips of noise: as it is, pan or mul blurred by a lens, and of coarser pixels."""
    sharp = 3000 + 100 * torch.randn(1, 160, 160, generator=torch.Generator().manual_seed(3))
    soft = avg_pool2d(pad(sharp, [1] * 4, mode="reflect"), 3, 1)
    found = {}
    chips = (grey_chip(sharp), grey_chip(soft), grey_chip(sharp, blur=3), grey_chip(soft, native=False))
    for n, chip in enumerate(chips):
        (tmp_path / str(n)).mkdir()
        save_chip(chip, tmp_path / str(n) / "0.pt")
        for faults in (True, False):
            source = samples(tmp_path / str(n), size=(160, 160), instrument=faults)
            found[n, faults] = {float(source[place].artefact_weight) for place in range(12)}
        assert {float(next(source.held_out(source.paths)).artefact_weight)} == found[n, False]
    assert found == {
        (0, False): {0.0},
        (1, False): {1.0},
        (2, False): {1.0},
        (3, False): {0.0},
        (0, True): {0.0, 1.0},
        (1, True): {1.0},
        (2, True): {1.0},
        (3, True): {0.0, 1.0},
    }


def test_artefact_weight_of_a_chip_is_that_of_its_mean_sharpness():
    """Half of pan is soft, so that the mean of the cells' weights is far from 0."""
    noise = torch.randn(1, 320, 320, generator=torch.Generator().manual_seed(3))
    smooth = avg_pool2d(noise, 3, 1, 1)
    pattern = torch.cat([0.05 * noise[..., :160], smooth[..., 160:]], -1)
    assert chip_artefact_weight(grey_chip(3000 + 300 * pattern)) == 0


@pytest.mark.parametrize("damage", ["cut", "gone", "other size", "code"])
def test_unreadable_chip_is_replaced_and_counted(pool, tmp_path, damage):
    copy = tmp_path / "chips"
    shutil.copytree(pool, copy)
    bad = copy / "5.pt"
    source = samples(copy)
    match damage:
        case "cut":
            bad.write_bytes(bad.read_bytes()[:1000])
        case "gone":
            bad.unlink()
        case "other size":
            save_chip(scene_chip(0, 0, 128), bad)
        case "code":
            torch.save({"pan": print}, bad)
    found = collate([source[place] for place in range(12)])
    assert found.skipped == 1 and "5.pt" in found.problem
    assert len(found.pan) == 12


def test_pool_without_a_readable_chip_is_refused(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.pt").write_text("no chip")
    with pytest.raises(SessionError, match="16 chips in a row"):
        samples(tmp_path)[0]
    with pytest.raises(SessionError, match=r"not one of the first 16.*\.pt"):
        train(train_config(tmp_path / "s", tmp_path))
    with pytest.raises(SessionError, match="found none; see make-chips"):
        chip_paths(ROOT / "docs")


def test_the_digest_of_data_takes_little_memory_whatever_the_files(pool, tmp_path):
    paths = [str(shutil.copy(path, tmp_path)) for path in chip_paths(pool)[:2]]
    before = data_digest(paths)
    os.truncate(paths[0], 1 << 40)  # a sparse file, which takes no room on the disk
    assert data_digest(paths) != before


def test_a_folder_of_folders_of_chips_is_a_pool(pool, tmp_path):
    for name in ("italy23", "maui23"):
        shutil.copytree(pool, tmp_path / "chips" / name)
    paths = [Path(path).relative_to(tmp_path / "chips") for path in chip_paths(tmp_path / "chips")]
    assert paths[:3] == [Path("italy23/0.pt"), Path("maui23/0.pt"), Path("italy23/1.pt")] and len(paths) == 24
    shutil.copy(pool / "3.pt", tmp_path / "chips" / "7.pt")
    assert chip_paths(tmp_path / "chips") == [str(tmp_path / "chips" / "7.pt")]


def test_chips_with_other_bands_are_refused(pool, tmp_path):
    """They are never skipped like unreadable ones, wherever in the pool they are."""
    copy = shutil.copytree(pool, tmp_path / "chips")
    chip = load_chip(copy / "0.pt")
    save_chip(replace(chip, mul=chip.mul[:4], sensor=GEOEYE_1), copy / "5.pt")
    paths, source = chip_paths(copy), samples(copy)
    for read in (
        lambda: [source[place] for place in range(len(paths))],
        lambda: list(source.held_out(paths)),
    ):
        with pytest.raises(SessionError, match=r"5\.pt: expected a chip with the bands coastal.*GeoEye-1"):
            read()


def test_chips_to_test_on_have_the_artefacts_of_training_the_same_each_time(pool):
    """Otherwise the test would tell nothing of what training heals."""
    source, paths = samples(pool), 4 * chip_paths(pool)
    chips = [load_chip(path).tensors() for path in paths]
    first, second = (list(source.held_out(paths)) for _ in range(2))
    seen = 0
    for chip, once, again in zip(chips, first, second, strict=True):
        pan, mul, target = once.floats(CPU)
        assert torch.equal(target[0], chip[2]), "the truth stays"
        assert all(torch.equal(a, b) for a, b in zip(once.floats(CPU), again.floats(CPU), strict=True))
        changed = not torch.equal(mul[0], chip[1])
        assert changed == (not torch.equal(pan[0], chip[0]))
        seen += changed
        assert not changed or once.artefact_weight == 1
    assert 0.6 < seen / len(paths) < 0.9


def test_chips_to_test_on_are_as_they_are_without_artefacts_in_training(pool):
    source, paths = samples(pool, instrument=False), chip_paths(pool)
    batches = list(source.held_out(paths))
    for path, batch in zip(paths, batches, strict=True):
        chip = load_chip(path)
        pan, mul, target = batch.floats(CPU)
        expected = chip.tensors()
        assert all(torch.equal(a[0], b) for a, b in zip((pan, mul, target), expected, strict=True))
    shares = [list(source.held_out(paths, 3, Ranks(rank, 2))) for rank in (0, 1)]
    assert [len(share) for share in shares] == [8, 7]
    test = next(source.held_out((), 1))
    train_ = scene_chip(0, 0, 80).tensors()[2]
    off = delta_e_ok(test.floats(CPU)[2][0], train_)
    again = delta_e_ok(scene_chip(0, 0, 80, pass_index=1).tensors()[2], train_)
    # Another pass has other haze and lies up to half a pixel elsewhere.
    assert float(off.median()) > 2 * float(again.median()), "other ground, not only another pass over it"
