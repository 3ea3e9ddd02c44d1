"""Native code computes what torch defines, with every instruction set of this processor."""

import numpy as np
import pytest
import torch

import pairs
from networks import OTHERS, random_network
from potato.core.color import mul_to_oklab
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import FLAT, LOOKS, NATURAL, adjust, render, threshold_of
from potato.core.resample import enlarge_mask, from_cells, to_cells
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import Sensor
from potato.model import _native
from potato.model.gpu import GpuBackend
from potato.model.model import Model, halos
from potato.model.native import NativeBackend, render_colour
from potato.model.network import Sharpener, sharpen_cells
from potato.model.weights import load_model
from potato.raster.pair import PairPixels

SETS = list(_native.SETS)
MOST_OKLAB = 1e-4
"""The largest difference of any channel of Oklab."""


def random_model(width: int, depth: int, sensor: Sensor = WORKSHOP) -> Model:
    """A model with random weights that are large enough to show in the output."""
    return random_network(sensor, width, depth, 0.1 / width**0.5).model()


MODELS = {
    "predictor": load_model("predictor"),
    "shipped": load_model(),
    "narrow": random_model(5, 1),
    "odd": random_model(19, 3),
    "wide": random_model(40, 6),
}

SIZES = ((24, 3), (32, 2), (16, 2), (11, 2), (13, 2), (8, 3))
OF_OTHERS = [(sensor, random_model(*size, sensor)) for sensor, size in zip(OTHERS, SIZES, strict=True)]
"""Networks of other bands and ratios, of various sizes."""


def window(
    model: Model, height: int, width: int, holes: str = "", seed: int = 0, sensor: Sensor = WORKSHOP
) -> PairPixels:
    """A window of so many cells and the halo of a model, with holes of a kind."""
    random = np.random.default_rng(seed)
    rows, columns = (side + 2 * halos(model.architecture).read for side in (height, width))
    pan, mul = pairs.ground(rows, columns, seed, sensor)
    pan_valid, mul_valid = np.ones(pan.shape, np.bool_), np.ones((rows, columns), np.bool_)
    if "pan" in holes:
        pan_valid &= enlarge_mask(random.random((rows, columns)) < 0.9, sensor.ratio)
        pan_valid &= random.random(pan.shape) < 0.97
    if "mul" in holes:
        mul_valid &= random.random((rows, columns)) < 0.9
    if "border" in holes:
        pan_valid[: pan.shape[0] // 2] = False
        mul_valid[:, columns // 2 :] = False
    pan[~pan_valid] = 65_535  # what lies in a hole must not matter
    mul[:, ~mul_valid] = 65_535
    return PairPixels(pan, mul, pan_valid, mul_valid)


def expected_oklab(model: Model, pixels: PairPixels, sensor: Sensor = WORKSHOP) -> np.ndarray:
    """Oklab (3, rh, rw) by torch, 0 where invalid."""
    pan, mul, fine, coarse = (
        torch.from_numpy(image.astype(np.float32))
        for image in (pixels.pan / 1e4, pixels.mul / 1e4, pixels.pan_valid, pixels.mul_valid)
    )
    pan, fine = (to_cells(image[None, None], sensor.ratio) for image in (pan, fine))
    valid = fine > 0, coarse[None, None] > 0
    with torch.inference_mode():
        oklab = sharpen_cells(
            Sharpener.of(model, sensor), pan, mul[None], valid, halos(model.architecture).read
        )
    return np.where(alpha_of(model, pixels, sensor), from_cells(oklab, sensor.ratio)[0].numpy(), 0)


def alpha_of(model: Model, pixels: PairPixels, sensor: Sensor = WORKSHOP) -> np.ndarray:
    """Which pixels of the result are valid, (rh, rw)."""
    halo = halos(model.architecture).read
    height, width = (side - 2 * halo for side in pixels.mul_valid.shape)
    core = pixels.crop(halo, halo, height, width)
    return core.pan_valid & enlarge_mask(core.mul_valid, sensor.ratio)


@pytest.mark.parametrize("instructions", SETS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("holes", ["", "pan", "mul", "pan mul", "border"])
def test_oklab_equals_that_of_torch(instructions, name, holes):
    model = MODELS[name]
    for height, width in ((24, 17), (1, 1), (3, 40)):
        pixels = window(model, height, width, holes)
        found = NativeBackend(model, WORKSHOP, instructions).oklab(pixels)
        assert np.abs(found - expected_oklab(model, pixels)).max() < MOST_OKLAB


of_other_sensors = pytest.mark.parametrize(
    ("sensor", "model"), OF_OTHERS, ids=[sensor.name for sensor in OTHERS]
)


@of_other_sensors
def test_oklab_of_other_bands_and_ratios_equals_that_of_torch(sensor, model):
    for height, width, holes in ((19, 17, ""), (1, 1, "pan"), (3, 21, "border"), (12, 9, "pan mul")):
        pixels = window(model, height, width, holes, sensor=sensor)
        expected = expected_oklab(model, pixels, sensor)
        for instructions in SETS:
            found = NativeBackend(model, sensor, instructions).oklab(pixels)
            assert np.abs(found - expected).max() < MOST_OKLAB


@of_other_sensors
def test_codes_of_other_bands_and_ratios_are_those_of_torch_and_of_larger_blocks(sensor, model):
    pixels, ratio, around = (
        window(model, 30, 21, "pan mul", 0, sensor),
        sensor.ratio,
        halos(model.architecture),
    )
    backend = NativeBackend(model, sensor)
    whole = backend.fuse(pixels, NATURAL, 10, 40).astype(int)
    expected = GpuBackend(model, "cpu", sensor).fuse(pixels, NATURAL, 10, 40)
    part = pixels.crop(7, 5, 11 + 2 * around.read, 9 + 2 * around.read)
    found = backend.fuse(part, NATURAL, 10 + 7 * ratio, 40 + 5 * ratio)
    inner = whole[:, 7 * ratio : 18 * ratio, 5 * ratio : 14 * ratio]
    for difference in (np.abs(whole - expected), np.abs(inner - found)):
        assert difference.max() <= 1 and (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("instructions", SETS)
@pytest.mark.parametrize("counts", [0, 1, 65_535])
def test_oklab_equals_that_of_torch_on_extreme_ground(instructions, counts):
    model = MODELS["shipped"]
    pixels = window(model, 9, 9)
    pixels.pan[:, ::3] = counts
    pixels.mul[:, ::2] = counts
    found = NativeBackend(model, WORKSHOP, instructions).oklab(pixels)
    expected = expected_oklab(model, pixels)
    assert np.isfinite(found).all()
    assert np.abs(found - expected).max() < MOST_OKLAB * max(1, np.abs(expected).max())


@pytest.mark.parametrize("instructions", SETS)
def test_codes_differ_from_those_of_torch_by_one_level_in_a_thousandth_of_the_pixels(instructions):
    others = adjust(NATURAL, exposure=6, contrast=1), FLAT.graded(LOOKS["clear"].grade)
    for look in (*LOOKS.values(), *others):
        model = MODELS["shipped"]
        pixels = window(model, 60, 70, "pan mul")
        found = NativeBackend(model, WORKSHOP, instructions).fuse(pixels, look, 1000, 4000)
        expected = GpuBackend(model, "cpu", WORKSHOP).fuse(pixels, look, 1000, 4000)
        assert found.dtype == expected.dtype and np.array_equal(found[3], expected[3])
        difference = np.abs(found.astype(int) - expected.astype(int))
        assert difference.max() <= 1
        # Of 16 bits, the last is within the rounding of float32.
        assert look.bits == 16 or (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("look", LOOKS.values(), ids=str)
def test_colour_of_mul_equals_that_of_numpy(look):
    _, mul = pairs.ground(30, 41)
    valid = np.random.default_rng(0).random((30, 41)) < 0.8
    found = render_colour(mul, valid, WORKSHOP, look, 20, 10).astype(int)
    expected = render(
        mul_to_oklab(counts_to_reflectance(mul), WORKSHOP), look, threshold_of(look, 30, 41, 20, 10)
    )
    assert np.array_equal(found[3] > 0, valid) and not found[:, ~valid].any()
    difference = np.abs(found[:3] - expected)[:, valid]
    assert difference.max() <= 1 and (look.bits == 16 or (difference > 0).mean() < 1e-3)


@pytest.mark.parametrize("backend", [NativeBackend, lambda model: GpuBackend(model, "cpu", WORKSHOP)])
def test_window_without_valid_pixels_gives_none(backend):
    model = MODELS["predictor"]
    pixels = window(model, 8, 8)
    pixels.pan_valid[:] = False
    assert backend(model).fuse(pixels, NATURAL) is None


def test_instruction_sets_agree():
    pixels = window(MODELS["shipped"], 30, 30, "pan")
    first, *others = (NativeBackend(MODELS["shipped"], WORKSHOP, name).oklab(pixels) for name in SETS)
    for other in others:
        assert np.abs(first - other).max() < MOST_OKLAB / 10


def test_views_of_larger_arrays_give_the_same_codes():
    model = MODELS["narrow"]
    pixels = window(model, 12, 12, "pan mul")
    wide = PairPixels(
        *(
            np.pad(image, [(0, 0)] * (image.ndim - 2) + [(4, 8), (8, 4)])
            for image in (pixels.pan, pixels.mul, pixels.pan_valid, pixels.mul_valid)
        )
    )
    rows, columns = pixels.mul_valid.shape
    view = PairPixels(
        wide.pan[4:-8, 8:-4], wide.mul[:, 4 : 4 + rows, 8 : 8 + columns],
        wide.pan_valid[4:-8, 8:-4], wide.mul_valid[4 : 4 + rows, 8 : 8 + columns],
    )  # fmt: skip
    backend = NativeBackend(model)
    for look in LOOKS.values():
        assert np.array_equal(backend.fuse(view, look, 3, 5), backend.fuse(pixels, look, 3, 5))


def test_earlier_calls_leave_no_trace():
    model = MODELS["odd"]
    backend = NativeBackend(model)
    small = window(model, 5, 6, seed=1)
    before = NativeBackend(model).fuse(small, FLAT)
    backend.fuse(window(model, 40, 33, "pan mul"), FLAT)
    assert np.array_equal(backend.fuse(small, FLAT), before)


def call(**changes):
    """Call native code with the arguments of a small window, some of them changed."""
    model = MODELS["narrow"]
    backend, pixels = NativeBackend(model), window(model, 4, 4, "pan")
    arguments = {
        "set": backend.instruction_set,
        "facts": backend._facts,
        "kernels": backend._kernels,
        "ratio": 4,
        "given": halos(model.architecture).read,
        "pan": pixels.pan,
        "mul": pixels.mul,
        "pan_valid": pixels.pan_valid,
        "mul_valid": pixels.mul_valid,
        "look": (8, 3.2, 1.35, 1.0, (0.0,) * 3, (1.0,) * 3),
        "row_dither": np.zeros(16, np.float32),
        "column_dither": np.zeros(16, np.float32),
        "out": np.zeros((4, 16, 16), np.uint8),
        "workspace": np.zeros(1 << 22, np.float32),
    }
    return _native.sharpen(*(arguments | changes).values())


BAD = {
    "set": "abacus",
    "facts": np.zeros(3, np.float32),
    "kernels": (np.zeros((36, 38, 7), np.float32),),
    "ratio": 9,
    "given": 3,
    "pan": np.zeros((8, 8), np.uint16),
    "mul": np.zeros((17, 60, 60), np.uint16),
    "pan_valid": np.zeros((8, 8), np.bool_),
    "mul_valid": np.zeros((2, 2), np.bool_),
    "look": (7, 1.0, 1.0, 1.0, (0.0,) * 3, (1.0,) * 3),
    "row_dither": np.zeros(3, np.float32),
    "column_dither": np.zeros(3, np.float32),
    "out": np.zeros((3, 16, 16), np.uint8),
    "workspace": np.zeros(10, np.float32),
}


@pytest.mark.parametrize("name", BAD)
def test_arguments_that_do_not_fit_are_refused(name):
    assert call() > 0
    with pytest.raises(ValueError, match=r"expected|no instruction set"):
        call(**{name: BAD[name]})


@pytest.mark.parametrize("name", ["facts", "pan", "mul", "pan_valid", "out", "workspace"])
def test_things_that_are_no_arrays_are_refused(name):
    with pytest.raises((TypeError, ValueError, BufferError)):
        call(**{name: "text"})
