import io
import os
import pickle
import resource
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ards import a_chip
from potato.chips.chip import Chip, chip_bytes, decode_oklab, encode_oklab, load_chip, save_chip
from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.sensor_table import FOUR_BANDS, GEOEYE_1, WORKSHOP, WORLDVIEW_3
from potato.core.sensors import SCALE
from potato.errors import ChipError, OutputError


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_target_loses_less_than_a_twentieth_of_a_jnd(seed):
    bands = 10 ** (torch.rand(8, 16, 16, generator=torch.Generator().manual_seed(seed)) * 4.8 - 4)
    oklab = mul_to_oklab(bands.clamp(1e-4, 6.5535), WORKSHOP)
    back = decode_oklab(encode_oklab(oklab, torch.ones(16, 16, dtype=torch.bool)))
    assert delta_e_ok(back, oklab).max() < 0.05


def test_every_colour_of_a_uint16_mul_fits_the_target():
    corners = torch.tensor([[(k >> band & 1) * 6.5534 + 1e-4 for k in range(32)] for band in range(5)])
    bands = torch.cat([corners, torch.zeros(3, 32)])[:, :, None]
    oklab = mul_to_oklab(bands, WORKSHOP)
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


def test_a_saved_chip_loads_unchanged(tmp_path):
    chip = a_chip()
    save_chip(chip, tmp_path / "0.pt")
    back = load_chip(tmp_path / "0.pt")
    for name in ("pan", "mul", "target"):
        assert torch.equal(getattr(back, name).int(), getattr(chip, name).int())
    pan, mul, oklab = back.tensors()
    assert pan.dtype == mul.dtype == oklab.dtype == torch.float32
    assert torch.allclose(pan * SCALE, chip.pan.float()) and oklab.shape == (3, 32, 32)


def test_a_chip_of_another_sensor_knows_it(tmp_path):
    chip = a_chip()
    four = Chip(chip.pan, chip.mul[:4], chip.target, sensor=GEOEYE_1)
    save_chip(four, tmp_path / "0.pt")
    back = load_chip(tmp_path / "0.pt")
    assert back.sensor == GEOEYE_1 and torch.equal(back.mul.int(), four.mul.int())
    # True colours are the sensor's own.
    assert not torch.equal(back.draw(), replace(back, sensor=FOUR_BANDS).draw())
    # Chips of WorldView-3 are those of WorldView-2, as they were before there were others.
    assert chip_bytes(replace(chip, sensor=WORLDVIEW_3)) == chip_bytes(chip)


def test_the_native_flag_survives_and_must_be_a_bool(tmp_path):
    chip = a_chip()
    for native in (False, True):
        save_chip(replace(chip, native=native), tmp_path / "0.pt")
        assert load_chip(tmp_path / "0.pt").native == native
    found = torch.load(tmp_path / "0.pt", weights_only=True)
    for flag in (torch.ones(2, dtype=torch.bool), torch.tensor(0.5)):
        torch.save({**found, "native": flag}, tmp_path / "1.pt")
        with pytest.raises(ChipError, match="a `native` flag that isn't a bool"):
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
        (save(**good(), sensor="GE01"), "mul as uint16 (4"),
        (save(**good(), sensor="XY01"), "a sensor that Potato doesn't know: 'XY01'"),
        (save(**good(), sensor=torch.ones(1)), "a sensor that Potato doesn't know"),
        (save(**{**good(), "target": good()["target"][:, :-1]}), "4 times as large"),
        (save(**{**good(), "target": -good()["target"]}), "L of 0 or more"),
    ],
)
def test_files_that_are_no_chips_are_refused(tmp_path, monkeypatch, content, words):
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
