import pytest
import torch

from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.noise import power_noise
from potato.core.resample import block_mean, to_cells
from potato.model.network import (
    OUTLOOK,
    STEADINESS,
    Architecture,
    Sharpener,
    Surroundings,
    doubt,
    fill_pair,
    outlook,
    predict,
    sharpen,
    sharpness,
    surroundings,
)


def scene(rows: int, columns: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mul = torch.rand(1, 8, rows, columns, generator=generator) * 0.4 + 0.02
    pan = torch.rand(1, 1, 4 * rows, 4 * columns, generator=generator) * 0.4 + 0.02
    return pan, mul


def test_shading_of_one_material_is_sharpened_without_error():
    # The predictor's own law: pan and bands are one spectrum times one shading, smooth enough for
    # bicubic interpolation to follow its block means.
    x = torch.arange(96.0)
    shading = 0.3 + 0.1 * torch.sin(x / 30)[:, None] * torch.cos(x / 25)[None, :]
    spectrum = torch.tensor([0.06, 0.08, 0.12, 0.16, 0.2, 0.3, 0.5, 0.55]).reshape(1, 8, 1, 1)
    truth = mul_to_oklab(spectrum * shading)
    result = sharpen(Sharpener(Architecture(depth=0)), shading[None, None], block_mean(spectrum * shading))
    inside = (..., slice(16, -16), slice(16, -16))
    assert delta_e_ok(result[inside], truth[inside]).max() < 0.1


def test_detail_within_cells_multiplies_light():
    # Where the block means of pan are even, so is the colour, and the law is exact: a pixel that is k times
    # as bright as its cell in pan is k times as bright in every band.
    pattern = torch.tensor([0.2, 1.9, 0.6, 1.3]).repeat(4, 1)
    pan = 0.3 * pattern.repeat(10, 10)[None, None]
    spectrum = torch.tensor([0.06, 0.08, 0.12, 0.16, 0.2, 0.3, 0.5, 0.55]).reshape(1, 8, 1, 1)
    truth = mul_to_oklab(spectrum * pan / 0.3)
    result = sharpen(Sharpener(Architecture(depth=0)), pan, spectrum.expand(1, 8, 10, 10))
    assert delta_e_ok(result, truth).max() < 1e-3


def test_a_pixel_is_never_more_than_16_times_as_bright_as_its_cell():
    pan = torch.full((1, 16, 9, 9), 1e-4)
    pan[:, 5, ::3, ::3] = 2.0
    grey = torch.zeros(1, 3, 9, 9)
    grey[:, 0] = 1
    lightness = predict(pan.mean(1, keepdim=True), pan ** (1 / 3), grey)[0][:, :16]
    assert lightness.max() <= 16 ** (1 / 3) + 1e-4 and lightness.min() >= 0


def test_k_times_the_light_gives_cbrt_k_times_the_oklab(network):
    pan, mul = scene(24, 20)
    plain = sharpen(network, pan, mul)
    for factor in (0.25, 3.0):
        other = sharpen(network, factor * pan, factor * mul)
        assert torch.allclose(other, factor ** (1 / 3) * plain, atol=2e-4)


def around(pan: torch.Tensor, oklab: torch.Tensor) -> Surroundings:
    """`surroundings` from pan in cells (b, 16, h, w)."""
    return surroundings(pan.mean(1, keepdim=True) ** (1 / 3), pan ** (1 / 3), oklab)


def around_even(shading: torch.Tensor, oklab: torch.Tensor) -> Surroundings:
    """`surroundings` of cells whose 16 pixels are alike, from their cube root (b, 1, h, w)."""
    return surroundings(shading, shading.expand(-1, 16, -1, -1), oklab)


def test_what_varies_inside_cells_is_told_from_what_varies_from_pixel_to_pixel():
    """A chessboard of ± δ, stripes twice as wide, and white noise, which has as much of both."""
    rows, columns = torch.meshgrid(torch.arange(36), torch.arange(36), indexing="ij")
    grey = torch.full((1, 3, 9, 9), 0.5)
    for pattern, chessboard in ((rows + columns, 0.04), (rows // 2, 0.0)):
        shading = 0.5 + 0.02 * (1 - 2 * (pattern % 2))
        found = around(to_cells((shading**3)[None, None]), grey).spreads[0, 2:, 2, 2]
        torch.testing.assert_close(found, torch.tensor([0.02, chessboard]), atol=1e-4, rtol=0)
    noise = 0.5 + 0.02 * torch.randn(1, 1, 400, 400, generator=torch.Generator().manual_seed(4))
    found = around(to_cells(noise**3), torch.full((1, 3, 100, 100), 0.5)).spreads
    within, chequered = found[:, 2:].square().mean((0, 2, 3)).sqrt().tolist()
    assert within == pytest.approx(0.02 * (15 / 16) ** 0.5, rel=0.02)
    assert chequered == pytest.approx(0.02, rel=0.02)


def test_slopes_around_a_cell_are_those_of_a_line():
    generator = torch.Generator().manual_seed(2)
    shading = 0.4 + 0.2 * torch.rand(1, 1, 12, 11, generator=generator)
    slopes, offsets = torch.tensor([0.9, -0.2, 0.4]), torch.tensor([0.1, 0.05, -0.1])
    oklab = offsets.reshape(1, 3, 1, 1) + slopes.reshape(1, 3, 1, 1) * shading
    found = around_even(shading, oklab)
    assert found.slopes.shape == (1, 3, 8, 7)
    # Nearly: `STEADINESS` of the variance, here a tenth of it and less, follows the predictor.
    pull = STEADINESS * found.mean**2 / (found.spreads[:, :1] ** 2 + STEADINESS * found.mean**2)
    smooth = (offsets.reshape(1, 3, 1, 1) + slopes.reshape(1, 3, 1, 1) * found.mean) / found.mean
    expected = (1 - pull) * slopes.reshape(1, 3, 1, 1) + pull * smooth
    assert torch.allclose(found.slopes, expected, atol=1e-3)
    assert torch.allclose(found.spreads[:, 1], 0.9 * found.spreads[:, 0], atol=1e-4)


def test_slopes_where_pan_is_even_are_those_of_the_predictor():
    oklab = torch.tensor([0.4, 0.03, -0.02]).reshape(1, 3, 1, 1).expand(1, 3, 9, 9)
    found = around_even(torch.full((1, 1, 9, 9), 0.5), oklab)
    assert torch.allclose(found.slopes[0, :, 0, 0], oklab[0, :, 0, 0] / 0.5, atol=1e-4)
    assert float(found.spreads.max()) < 1e-3


def test_slopes_do_not_mind_how_much_light_there_is():
    generator = torch.Generator().manual_seed(3)
    shading, oklab = (
        torch.rand(1, 1, 9, 9, generator=generator) + 0.1,
        torch.rand(1, 3, 9, 9, generator=generator),
    )
    plain = around_even(shading, oklab)
    bright = around_even(2 * shading, 2 * oklab)
    assert torch.allclose(plain.slopes, bright.slopes, atol=1e-4)
    assert torch.allclose(2 * plain.spreads, bright.spreads, atol=1e-5)


def noise_in_cells(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) + 0.1


def test_the_outlook_finds_the_darkest_around():
    side = 2 * OUTLOOK
    shading, lightness = noise_in_cells(5, 2, 1, 9 + side, 7 + side)[:, None]
    pixels = shading.expand(-1, 16, -1, -1)
    found = outlook(shading, pixels, lightness).darkest
    assert found.shape == (1, 2, 9, 7)
    for row, column in ((0, 0), (8, 6), (3, 4)):
        window = (..., slice(row, row + side + 1), slice(column, column + side + 1))
        assert float(found[0, 0, row, column]) == float(shading[window].min())
        assert float(found[0, 1, row, column]) == float(lightness[window].min())


def test_what_the_outlook_does_not_know_does_not_count():
    side = 11 + 2 * OUTLOOK
    shading, lightness = noise_in_cells(6, 2, 1, side, side)[:, None]
    pixels = noise_in_cells(7, 1, 16, side, side)
    unknown = torch.zeros(1, 1, side, side, dtype=torch.bool)
    unknown[..., :OUTLOOK, :], unknown[..., :, -OUTLOOK + 3 :] = True, True
    less = [torch.where(unknown, torch.zeros_like(image), image) for image in (shading, pixels, lightness)]
    found = outlook(*less)
    beyond = [
        torch.where(unknown, torch.full_like(image, 9.0), image) for image in (shading, pixels, lightness)
    ]
    assert torch.equal(found.darkest[..., :8], outlook(*beyond).darkest[..., :8])
    assert torch.isfinite(found.darkest).all() and float(found.darkest[..., :8].min()) > 0
    # All of it is one kind of noise, so what is left of it says the same, but for chance at the rim.
    assert torch.allclose(sharpness(less[1]), sharpness(pixels), atol=0.1)
    nothing = outlook(*(torch.zeros_like(image) for image in less))
    assert float(nothing.darkest.abs().max()) == 0 and float(nothing.doubt.min()) == 1


def test_sharpness_tells_scales_apart():
    """Chessboards of pixels or of 2 × 2 alone; white noise, twice; and means of it, once again white."""
    rows, columns = torch.meshgrid(torch.arange(160), torch.arange(160), indexing="ij")
    fine = 0.02 * (1 - 2.0 * ((rows + columns) % 2))
    coarse = 0.02 * (1 - 2.0 * ((rows // 2 + columns // 2) % 2))
    white = 0.02 * torch.randn(160, 160, generator=torch.Generator().manual_seed(8))
    for pattern, expected in ((coarse, 0.0), (0.5 * fine + coarse, 0.5), (fine + coarse, 1.0), (white, 2.0)):
        found = sharpness(to_cells((0.5 + pattern)[None, None]))
        assert float((found - expected).abs().max()) < 0.1
        brighter = sharpness(to_cells((3 * (0.5 + pattern))[None, None]))
        assert torch.allclose(found, brighter, atol=1e-3)


def test_what_a_lens_took_from_pan_is_doubted_and_means_of_it_are_not():
    """Ground whose amplitudes fall with frequency, as in nature; through a lens; Wald's means of that."""
    ground = power_noise(1024, 1024, torch.Generator().manual_seed(2), 1.0)[None, None]
    kernel = torch.tensor([0.25, 0.5, 0.25])
    seen = torch.nn.functional.conv2d(ground, (kernel[:, None] * kernel)[None, None])[..., :1020, :1020]
    sharp, soft, means = (
        float(sharpness(to_cells(0.5 + 0.02 * pan)).mean())
        for pan in (ground, seen, block_mean(seen[..., :1008, :1008]))
    )
    assert doubt(torch.tensor([soft, means, sharp])).tolist() == [1.0, 0.0, 0.0]
    assert soft < 0.76 < 0.84 < means < sharp < 1.2
    assert float(doubt(torch.tensor(0.8))) == pytest.approx(0.5)


def test_gains_scale_the_detail_of_pan():
    """A network that says nothing but "half as much more of L": its result has 1.5 times pan's detail."""
    model = Sharpener(Architecture(width=4, depth=1))
    with torch.no_grad():
        model.layers[0].weight.zero_()
        model.layers[0].weight[48, -1, 1, 1] = 0.5  # the gain of L, from lightness: gains are divided by it
    pattern = torch.tensor([0.2, 1.9, 0.6, 1.3]).repeat(4, 1)
    pan = 0.3 * pattern.repeat(14, 14)[None, None]
    mul = torch.full((1, 8, 14, 14), 0.3)
    before = sharpen(Sharpener(Architecture(depth=0)), pan, mul)[0, 0]
    after = sharpen(model, pan, mul)[0, 0]
    grey, inner = 0.3 ** (1 / 3), (slice(16, -16), slice(16, -16))
    ratio = (after - grey)[inner] / (before - grey)[inner]
    assert torch.allclose(ratio, torch.tensor(1.5), atol=0.02)


def test_an_untrained_network_is_the_predictor():
    pan, mul = scene(12, 16)
    ours = sharpen(Sharpener(Architecture(width=8, depth=3)), pan, mul)
    theirs = sharpen(Sharpener(Architecture(depth=0)), pan, mul)
    assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("depth", [0, 2, 4])
def test_a_model_looks_as_far_as_it_says(depth):
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
    assert reached[0] and reached[-1], "the edge of the stated margin must matter"
    with pytest.raises(RuntimeError):
        model(pan[..., 1:-1, 1:-1], mul[..., 1:-1, 1:-1])


def test_cutting_first_is_cutting_later(network):
    pan, mul = scene(60, 60)
    whole = sharpen(network, pan, mul)
    edge = network.halo
    part = network(to_cells(pan)[..., :50, :50], mul[..., :50, :50])
    inside = slice(4 * edge, 4 * (50 - edge))
    again = torch.nn.functional.pixel_shuffle(part, 4)
    assert torch.allclose(whole[..., inside, inside], again, atol=1e-5)


def test_a_bright_speck_beside_darkness_never_explodes():
    pan, mul = torch.full((1, 1, 48, 48), 0.001), torch.full((1, 8, 12, 12), 0.001)
    pan[..., 24:28, 24:28], mul[..., 6, 6] = 1.2, 1.2
    result = sharpen(Sharpener(Architecture(depth=0)), pan, mul)
    assert torch.isfinite(result).all()
    assert result[:, 0].max() < 1.3 and result[:, 0].min() > -0.35


def test_black_ground_is_finite():
    result = sharpen(Sharpener(), torch.zeros(1, 1, 16, 16), torch.zeros(1, 8, 4, 4))
    assert torch.isfinite(result).all()


def test_filling_a_pair_keeps_what_is_valid_and_leaves_no_dark_rim():
    pan, mul = torch.full((1, 16, 9, 9), 0.3), torch.full((1, 8, 9, 9), 0.2)
    pan_valid, mul_valid = torch.ones_like(pan) > 0, torch.ones(1, 1, 9, 9) > 0
    pan_valid[..., 5:], mul_valid[..., 6:] = False, False
    pan_valid[:, :7, :, 4] = False
    pan = torch.where(pan_valid, pan, torch.zeros_like(pan))
    mul = torch.where(mul_valid, mul, torch.zeros_like(mul))
    filled_pan, filled_mul = fill_pair(pan, mul, pan_valid, mul_valid, 4)
    assert torch.allclose(filled_pan, torch.full_like(pan, 0.3))
    assert torch.allclose(filled_mul, torch.full_like(mul, 0.2))


def test_shapes_are_enforced():
    pan, mul = scene(4, 4)
    for bad_pan, bad_mul in [
        (pan[0], mul[0]),
        (pan[..., :12], mul),
        (pan, mul[:, :4]),
        (pan.repeat(2, 1, 1, 1), mul),
    ]:
        with pytest.raises(ValueError, match="expected pan"):
            sharpen(Sharpener(), bad_pan, bad_mul)


def test_sizes_are_bounded():
    for sizes in ({"width": 0}, {"depth": -1}, {"width": 10**6}):
        with pytest.raises(ValueError, match="expected width"):
            Architecture(**sizes)
