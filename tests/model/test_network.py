"""The sharpener: laws of the predictor and the network, and the one inference path."""

import dataclasses

import pytest
import torch

from networks import OTHERS, random_network
from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.resample import block_mean, from_cells, to_cells
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import Sensor
from potato.model.facts import input_channels, output_channels
from potato.model.model import Architecture
from potato.model.network import Sharpener, fill_pair, sharpen, sharpen_cells

of_any_sensor = pytest.mark.parametrize("sensor", [WORKSHOP, *OTHERS], ids=lambda sensor: sensor.name)


def scene(rows: int, columns: int, sensor: Sensor = WORKSHOP) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mul = torch.rand(1, len(sensor.bands), rows, columns, generator=generator) * 0.4 + 0.02
    pan = torch.rand(1, 1, sensor.ratio * rows, sensor.ratio * columns, generator=generator) * 0.4 + 0.02
    return pan, mul


def test_predictor_is_exact_for_shading_of_one_material():
    # Pan and bands are one spectrum times one shading, which is smooth enough for
    # bicubic interpolation to follow its block means.
    x = torch.arange(96.0)
    shading = 0.3 + 0.1 * torch.sin(x / 30)[:, None] * torch.cos(x / 25)[None, :]
    spectrum = torch.tensor([0.06, 0.08, 0.12, 0.16, 0.2, 0.3, 0.5, 0.55]).reshape(1, 8, 1, 1)
    truth = mul_to_oklab(spectrum * shading, WORKSHOP)
    result = sharpen(
        Sharpener(Architecture(depth=0)), shading[None, None], block_mean(spectrum * shading, WORKSHOP.ratio)
    )
    inside = (..., slice(16, -16), slice(16, -16))
    assert delta_e_ok(result[inside], truth[inside]).max() < 0.1


def test_predictor_multiplies_light_by_detail_within_cells():
    # Where pan's cell means are equal, so is the colour, and the law is exact: a pan pixel k times
    # as bright as its cell mean is k times as bright in every band.
    pattern = torch.tensor([0.2, 1.9, 0.6, 1.3]).repeat(4, 1)
    pan = 0.3 * pattern.repeat(10, 10)[None, None]
    spectrum = torch.tensor([0.06, 0.08, 0.12, 0.16, 0.2, 0.3, 0.5, 0.55]).reshape(1, 8, 1, 1)
    truth = mul_to_oklab(spectrum * pan / 0.3, WORKSHOP)
    result = sharpen(Sharpener(Architecture(depth=0)), pan, spectrum.expand(1, 8, 10, 10))
    assert delta_e_ok(result, truth).max() < 1e-3


@of_any_sensor
def test_k_times_the_light_gives_cbrt_k_times_the_oklab(sensor):
    network, (pan, mul) = random_network(sensor), scene(12, 10, sensor)
    plain = sharpen(network, pan, mul, sensor)
    for factor in (0.25, 3.0):
        other = sharpen(network, factor * pan, factor * mul, sensor)
        assert torch.allclose(other, factor ** (1 / 3) * plain, atol=2e-4)


def test_injection_gain_scales_the_detail_of_pan():
    """A network that only corrects the gain of L by one half gives 1.5 times pan's detail."""
    model = Sharpener(Architecture(width=4, depth=1))
    with torch.no_grad():
        model.layers[0].weight.zero_()
        model.layers[0].weight[48, -1, 1, 1] = 0.5  # gain of L from lightness
    pattern = torch.tensor([0.2, 1.9, 0.6, 1.3]).repeat(4, 1)
    pan = 0.3 * pattern.repeat(14, 14)[None, None]
    mul = torch.full((1, 8, 14, 14), 0.3)
    before = sharpen(Sharpener(Architecture(depth=0)), pan, mul)[0, 0]
    after = sharpen(model, pan, mul)[0, 0]
    grey, inner = 0.3 ** (1 / 3), (slice(16, -16), slice(16, -16))
    ratio = (after - grey)[inner] / (before - grey)[inner]
    assert torch.allclose(ratio, torch.tensor(1.5), atol=0.02)


@of_any_sensor
def test_untrained_network_equals_the_predictor(sensor):
    pan, mul = scene(12, 16, sensor)
    ours = sharpen(Sharpener(Architecture(8, 3, sensor.bands, sensor.ratio), sensor), pan, mul, sensor)
    # Only the bare predictor allows for pan that sees infrared.
    blind = dataclasses.replace(sensor, pan_weights=(1.0, *[0.0] * (len(sensor.bands) - 1)))
    theirs = sharpen(Sharpener(Architecture(depth=0), blind), pan, mul, blind)
    assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("depth", [0, 2, 4])
def test_model_reads_exactly_its_halo(depth):
    torch.manual_seed(depth)
    model = Sharpener(Architecture(width=16, depth=depth))
    for layer in model.layers:
        torch.nn.init.normal_(layer.weight, std=0.2)
    side = 2 * model.halo + 1
    pan, mul = torch.rand(1, 16, side, side) * 0.3 + 0.1, torch.rand(1, 8, side, side) * 0.3 + 0.1
    centre = model(pan, mul)
    assert centre.shape == (1, 48, 1, 1)
    reached = []
    for row in range(side):
        other = pan.clone()
        other[:, :, row, :] *= 0.3
        reached.append(not torch.equal(model(other, mul), centre))
    assert reached[0] and reached[-1], "the edge of the stated halo must matter"
    with pytest.raises(RuntimeError):
        model(pan[..., 1:-1, 1:-1], mul[..., 1:-1, 1:-1])


@of_any_sensor
def test_block_equals_crop_of_the_whole(sensor):
    network, (pan, mul) = random_network(sensor), scene(60, 60, sensor)
    whole = sharpen(network, pan, mul, sensor)
    edge = network.halo
    part = network(to_cells(pan, sensor.ratio)[..., :50, :50], mul[..., :50, :50])
    inside = slice(sensor.ratio * edge, sensor.ratio * (50 - edge))
    assert torch.allclose(whole[..., inside, inside], from_cells(part, sensor.ratio), atol=1e-5)


@of_any_sensor
def test_channels_are_those_of_each_band_and_each_pixel_of_a_cell(sensor):
    network, pixels, bands = random_network(sensor), sensor.ratio**2, len(sensor.bands)
    assert network.layers[0].in_channels == pixels + bands + 15
    assert network.layers[-1].out_channels == 3 * pixels + 3
    assert sum(input_channels(sensor.ratio, bands, mul_sharpness=True).values()) == pixels + bands + 15
    assert sum(input_channels(sensor.ratio, bands).values()) == pixels + bands + 14
    assert sum(output_channels(sensor.ratio).values()) == 3 * pixels + 3


def test_block_with_holes_equals_crop_of_the_whole(network):
    """`sharpen_cells` fills the same pixels whether a block is cut out before or after."""
    pan, mul = scene(90, 80)
    cells = to_cells(pan, WORKSHOP.ratio)
    valid = (
        torch.rand(1, 16, 90, 80, generator=torch.Generator().manual_seed(1)) > 0.5,
        torch.ones(1, 1, 90, 80, dtype=torch.bool),
    )
    valid[0][..., 30:42, 20:70], valid[1][..., 44:60, :40] = False, False
    whole = sharpen_cells(network, cells, mul, valid)
    edge = network.read_halo
    inner = (..., slice(edge, 90 - edge), slice(edge, 80 - edge))
    block = sharpen_cells(network, cells, mul, valid, edge)
    assert torch.allclose(block, whole[inner], atol=1e-5)
    smaller = sharpen_cells(network, *(image[inner] for image in (cells, mul)), None, network.halo_valid)
    assert smaller.shape[-2:] == (
        90 - 2 * edge - 2 * network.halo_valid,
        80 - 2 * edge - 2 * network.halo_valid,
    )


def test_bright_pixel_beside_darkness_stays_bounded():
    pan, mul = torch.full((1, 1, 48, 48), 0.001), torch.full((1, 8, 12, 12), 0.001)
    pan[..., 24:28, 24:28], mul[..., 6, 6] = 1.2, 1.2
    result = sharpen(Sharpener(Architecture(depth=0)), pan, mul)
    assert torch.isfinite(result).all()
    assert result[:, 0].max() < 1.3 and result[:, 0].min() > -0.35


def test_black_ground_gives_finite_results():
    result = sharpen(Sharpener(), torch.zeros(1, 1, 16, 16), torch.zeros(1, 8, 4, 4))
    assert torch.isfinite(result).all()


def test_fill_pair_keeps_valid_pixels_and_leaves_no_dark_rim():
    pan, mul = torch.full((1, 16, 9, 9), 0.3), torch.full((1, 8, 9, 9), 0.2)
    pan_valid, mul_valid = torch.ones_like(pan) > 0, torch.ones(1, 1, 9, 9) > 0
    pan_valid[..., 5:], mul_valid[..., 6:] = False, False
    pan_valid[:, :7, :, 4] = False
    pan = torch.where(pan_valid, pan, torch.zeros_like(pan))
    mul = torch.where(mul_valid, mul, torch.zeros_like(mul))
    filled_pan, filled_mul = fill_pair(pan, mul, pan_valid, mul_valid, 4)
    assert torch.allclose(filled_pan, torch.full_like(pan, 0.3))
    assert torch.allclose(filled_mul, torch.full_like(mul, 0.2))


def test_sharpen_refuses_other_shapes():
    pan, mul = scene(4, 4)
    for bad_pan, bad_mul in [
        (pan[0], mul[0]),
        (pan[..., :12], mul),
        (pan, mul[:, :4]),
        (pan.repeat(2, 1, 1, 1), mul),
    ]:
        with pytest.raises(ValueError, match=r"expected (pan|mul)"):
            sharpen(Sharpener(), bad_pan, bad_mul)


def test_architecture_refuses_sizes_out_of_bounds():
    bad = (("width", 0), ("depth", -1), ("width", 10**6), ("width", 8.0), ("ratio", 1), ("ratio", 7))
    for name, size in bad:
        with pytest.raises(ValueError, match=f"expected {name}"):
            Architecture(**{name: size})


def test_architecture_fits_sensors_of_its_bands_and_ratio():
    for sensor in OTHERS:
        fits = Architecture(8, 3, sensor.bands, sensor.ratio).fits
        fitting = [each for each in (WORKSHOP, *OTHERS) if fits(each)]
        assert fitting == [
            each for each in (WORKSHOP, *OTHERS) if (each.bands, each.ratio) == (sensor.bands, sensor.ratio)
        ]
    assert all(Architecture(depth=0).fits(sensor) for sensor in OTHERS)
