import io
import os
import pickle
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from potato.chips import Chip, load_chip, save_chip
from potato.chips.chip import chip_bytes, decode_oklab, encode_oklab
from potato.chips.contact_sheet import chips_sheet
from potato.chips.wald import box_mean, box_sum, coarsen_pair
from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.sensors import SCALE
from potato.errors import ChipError, InputError, OutputError, OutputExists
from potato.raster import PairPixels

import pairs


def pixels(cells=64, seed=0, pan_valid=None, mul_valid=None):
    pan, mul = pairs.ground(cells, cells, seed)
    everywhere = np.ones_like(pan, bool)
    return PairPixels(
        pan,
        mul,
        everywhere if pan_valid is None else pan_valid,
        everywhere[::4, ::4] if mul_valid is None else mul_valid,
    )


def a_chip(cells=8, seed=0):
    return coarsen_pair(pixels(8 * cells, seed))


def mean(image, factor):
    """Box means the slow way."""
    height, width = image.shape[-2:]
    blocks = image.astype(float).reshape(*image.shape[:-2], height // factor, factor, width // factor, factor)
    return blocks.mean((-3, -1))


@given(
    hnp.arrays(
        np.uint16, st.tuples(st.integers(1, 3), st.just(24), st.just(48)), elements=st.integers(0, 65535)
    ),
    st.sampled_from([1, 2, 3, 4, 8, 24]),
)
@settings(max_examples=30, deadline=None)
def test_box_means_are_exact_and_halves_round_up(image, factor):
    assert np.array_equal(box_sum(image, factor), (mean(image, factor) * factor**2).round())
    assert np.array_equal(box_mean(image, factor), np.floor(mean(image, factor) + 0.5))


def test_the_largest_box_does_not_overflow():
    assert box_mean(np.full((256, 256), 65535, np.uint16), 256)[0, 0] == 65535
    with pytest.raises(ValueError, match="256"):
        box_sum(np.zeros((512, 512), np.uint16), 512)
    with pytest.raises(ValueError, match="divides"):
        box_sum(np.zeros((10, 10), np.uint16), 4)


@pytest.mark.parametrize(("extra", "factor"), [(True, 2), (False, 1)])
def test_a_chip_is_walds_protocol(extra, factor):
    source = pixels(64)
    chip = coarsen_pair(source, extra)
    sides = 256 // (4 * factor)
    assert chip.pan.shape == (1, sides, sides)
    assert chip.mul.shape == (8, sides // 4, sides // 4)
    assert chip.target.shape == (3, sides, sides)
    assert np.array_equal(chip.pan[0].numpy(), np.floor(mean(source.pan, 4 * factor) + 0.5))
    assert np.array_equal(chip.mul.numpy(), np.floor(mean(source.mul, 4 * factor) + 0.5))
    truth = torch.from_numpy(mean(source.mul, factor) / SCALE).float()
    assert delta_e_ok(decode_oklab(chip.target), mul_to_oklab(truth)).max() < 0.05
    assert chip.valid.all()


def test_what_is_flat_stays_as_it_is():
    flat = np.full((8, 32, 32), 1234, np.uint16)
    fine = np.full((128, 128), 777, np.uint16)
    chip = coarsen_pair(PairPixels(fine, flat, fine > 0, flat[0] > 0))
    assert set(chip.mul.flatten().tolist()) == {1234} and set(chip.pan.flatten().tolist()) == {777}
    expected = mul_to_oklab(torch.full((8, 1, 1), 0.1234))
    assert delta_e_ok(decode_oklab(chip.target), expected.expand(3, 16, 16)).max() < 0.01


def test_an_invalid_pan_pixel_costs_one_pixel_and_an_invalid_mul_pixel_one_cell():
    pan_valid, mul_valid = np.ones((256, 256), bool), np.ones((64, 64), bool)
    pan_valid[9, 17] = False
    mul_valid[33, 40] = False
    chip = coarsen_pair(pixels(64, 0, pan_valid, mul_valid))
    invalid = ~chip.valid[0]
    assert invalid.nonzero().tolist() == [[1, 2]] + [[y, x] for y in range(16, 20) for x in range(20, 24)]
    assert (chip.pan[0].int() == 0).nonzero().tolist() == [[1, 2]]
    assert (chip.mul.int() == 0).all(0).nonzero().tolist() == [[4, 5]]
    assert not chip.target[:, invalid].any()


def test_a_valid_zero_is_the_smallest_reflectance():
    dark = PairPixels(
        np.zeros((128, 128), np.uint16),
        np.zeros((8, 32, 32), np.uint16),
        np.ones((128, 128), bool),
        np.ones((32, 32), bool),
    )
    chip = coarsen_pair(dark)
    assert chip.valid.all() and chip.pan.int().min() == 1 and chip.mul.int().min() == 1


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_target_loses_less_than_a_twentieth_of_a_jnd(seed):
    bands = 10 ** (torch.rand(8, 16, 16, generator=torch.Generator().manual_seed(seed)) * 4.8 - 4)
    oklab = mul_to_oklab(bands.clamp(1e-4, 6.5535))
    back = decode_oklab(encode_oklab(oklab, torch.ones(16, 16, dtype=torch.bool)))
    assert delta_e_ok(back, oklab).max() < 0.05


def test_every_colour_that_a_mul_can_have_fits():
    corners = torch.tensor([[(k >> band & 1) * 6.5534 + 1e-4 for k in range(32)] for band in range(5)])
    bands = torch.cat([corners, torch.zeros(3, 32)])[:, :, None]
    oklab = mul_to_oklab(bands)
    back = decode_oklab(encode_oklab(oklab, torch.ones(32, 1, dtype=torch.bool)))
    assert delta_e_ok(back, oklab).max() < 0.05


def test_a_full_size_file_is_small_plain_and_readable(tmp_path):
    chip = Chip(
        torch.ones(1, 512, 512, dtype=torch.uint16),
        torch.ones(8, 128, 128, dtype=torch.uint16),
        torch.ones(3, 512, 512, dtype=torch.int16),
    )
    save_chip(chip, tmp_path / "0.pt")
    assert (tmp_path / "0.pt").stat().st_size <= 2_400_000
    found = torch.load(tmp_path / "0.pt", weights_only=True)
    assert {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in found.items()} == {
        "pan": (torch.uint16, (1, 512, 512)),
        "mul": (torch.uint16, (8, 128, 128)),
        "target": (torch.int16, (3, 512, 512)),
    }


def test_the_bytes_depend_on_the_chip_alone(tmp_path):
    chip = a_chip()
    for name in ("0.pt", "a rather long name.pt"):
        save_chip(chip, tmp_path / name)
    padded = torch.nn.functional.pad(chip.target, (3, 3))[..., 3:-3]
    data = chip_bytes(Chip(chip.pan, chip.mul, padded))
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {data}
    code = (
        "import sys; from potato.chips.chip import *; path = sys.argv[1]; "
        "print(digest(chip_bytes(load_chip(path))), digest(open(path, 'rb').read()))"
    )
    first, second = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "0.pt"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert first == second


def test_a_chip_comes_back(tmp_path):
    chip = a_chip()
    save_chip(chip, tmp_path / "0.pt")
    back = load_chip(tmp_path / "0.pt")
    for name in ("pan", "mul", "target"):
        assert torch.equal(getattr(back, name).int(), getattr(chip, name).int())
    pan, mul, oklab = back.tensors()
    assert pan.dtype == mul.dtype == oklab.dtype == torch.float32
    assert torch.allclose(pan * SCALE, chip.pan.float()) and oklab.shape == (3, 32, 32)


def test_a_native_chip_says_so_and_a_flag_that_is_none_is_refused(tmp_path):
    chip = a_chip()
    for native in (False, True):
        save_chip(replace(chip, native=native), tmp_path / "0.pt")
        assert load_chip(tmp_path / "0.pt").native == native
    found = torch.load(tmp_path / "0.pt", weights_only=True)
    for flag in (torch.ones(2, dtype=torch.bool), torch.tensor(0.5)):
        torch.save({**found, "native": flag}, tmp_path / "1.pt")
        with pytest.raises(ChipError, match="a flag `native` that isn't one"):
            load_chip(tmp_path / "1.pt")


def save(**tensors):
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    return buffer.getvalue()


class Bomb:
    def __reduce__(self):
        return os.system, ("touch exploded",)


def good():
    return {name: getattr(a_chip(), name) for name in ("pan", "mul", "target")}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"", "expected a chip"),
        (b"not a chip", "expected a chip"),
        (chip_bytes(a_chip())[:3000], "expected a chip"),
        (pickle.dumps(Bomb(), protocol=2), "expected a chip"),
        (save(bomb=Bomb()), "expected a chip"),
        (save(**good(), more=torch.ones(1)), "other things"),
        (save(pan=good()["pan"]), "other things"),
        (save(**{**good(), "pan": 3}), "isn't a tensor"),
        (save(**{**good(), "pan": good()["pan"].float()}), "found float32"),
        (save(**{**good(), "mul": good()["mul"][:7]}), "mul as uint16 (8"),
        (save(**{**good(), "target": good()["target"][:, :-1]}), "4 times as large"),
        (save(**{**good(), "target": -good()["target"]}), "L of 0 or more"),
    ],
)
def test_what_is_no_chip_is_refused(tmp_path, monkeypatch, content, words):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "3.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ChipError, match=r"3\.pt") as caught:
        load_chip(path)
    assert words in str(caught.value)
    assert not (tmp_path / "exploded").exists()


def test_a_full_disk_leaves_nothing_half_written(tmp_path):
    """The system refuses to let files grow, as it does on a full disk."""
    save_chip(a_chip(), tmp_path / "0.pt")
    before = (tmp_path / "0.pt").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        for name in ("0.pt", "1.pt"):
            with pytest.raises(OutputError, match=name):
                save_chip(a_chip(seed=1), tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["0.pt"]
    assert (tmp_path / "0.pt").read_bytes() == before


@pytest.fixture
def pool(tmp_path) -> Path:
    folder = tmp_path / "pool"
    folder.mkdir()
    for n in range(5):
        save_chip(a_chip(seed=n), folder / f"{n}.pt")
    return folder


def test_a_contact_sheet_shows_pan_mul_and_target(pool, tmp_path, run):
    result = run("chips-sheet", pool, tmp_path / "sheet.png", "-n", 3, "-s", 1)
    assert result.exit_code == 0, result.stderr
    assert "chips 1, 2, 3" in result.stdout
    with pytest.warns(Warning, match="no geotransform"):
        sheet = pairs.read(tmp_path / "sheet.png")
    assert sheet.shape == (3, 2 * 40 + 8, 2 * 3 * 40 + 8)
    expected = load_chip(pool / "2.pt").draw().numpy()
    assert np.array_equal(sheet[:, 8:48, 128:248], expected)
    assert (sheet[:, 48:, 128:] == 255).all()


def test_what_is_invalid_is_magenta():
    valid = np.ones((256, 256), bool)
    valid[:8, :8] = False
    drawn = coarsen_pair(pixels(64, 0, valid)).draw()
    magenta = (drawn == torch.tensor([255.0, 0, 255])[:, None, None]).all(0)
    assert magenta.nonzero().tolist() == [[0, 0], [0, 80]]


def test_a_contact_sheet_that_cannot_be_drawn(pool, tmp_path):
    output = tmp_path / "sheet.png"
    with pytest.raises(ChipError, match="found none"):
        chips_sheet(tmp_path / "nowhere", output)
    with pytest.raises(ChipError, match="found none"):
        chips_sheet(pool, output, starting_from=99)
    with pytest.raises(InputError):
        chips_sheet(pool, output, count=0)
    save_chip(a_chip(cells=4), pool / "5.pt")
    with pytest.raises(ChipError, match="one size"):
        chips_sheet(pool, output)
    assert not output.exists()
    output.touch()
    with pytest.raises(OutputExists):
        chips_sheet(pool, output, count=2)
    chips_sheet(pool, output, count=2, columns=1, overwrite=True)
    assert output.stat().st_size > 100
