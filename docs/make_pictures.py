"""Draw the pictures of docs/concepts and docs/guides/judging.md, from ground that is invented here.

`python docs/make_pictures.py` writes docs/images again and prints the figures that the pages quote.
"""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from potato.core.color import delta_e_ok, linear_srgb_to_oklab, mul_to_oklab, oklab_to_linear_srgb
from potato.core.draw import render_pan, render_upsampled
from potato.core.render import FLAT, NATURAL, Look, dither, render, unrender
from potato.core.resample import BICUBIC_REACH
from potato.core.sensors import BANDS, SCALE, VISIBLE
from potato.evaluation.cases import full_maps, plain_case
from potato.evaluation.metrics import psnr, ssim
from potato.evaluation.registration import shift
from potato.model.network import Sharpener, sharpen
from potato.raster import write_png
from potato.simulation.ground import Ground, make_ground
from potato.simulation.imager import Imager, observe
from potato.viewing.color_ops import at_lightness, exaggerated, gray_difference
from potato.viewing.scope import vectorscope

IMAGES = Path(__file__).parent / "images"

LARGEST = 150_000
"""Bytes of a picture: pages should open at once, and pictures stay in the history for good."""

SIZE = 768
"""Side of the ground in pan pixels."""

STREET = (slice(320, 480), slice(300, 460))
"""A piece with roofs, a road and cars."""

SCREEN = Look("screen", 8)
"""Oklab as a screen shows it, without a tone curve."""

DAMAGE = 2.0
"""JND by which each picture of docs/concepts/metrics.md is off."""

Piece = tuple[slice, slice]


@torch.inference_mode()
def main() -> None:
    """Draw everything."""
    ground = make_ground(SIZE, SIZE, torch.Generator().manual_seed(8), style="town")
    straight = photograph(
        ground, Imager(displacement=(0.0, 0.0), jitter=0.0, parallax=(0.0, 0.0), time_lag=0.0)
    )
    crooked = photograph(ground, Imager(displacement=(0.35, 0.3), jitter=0.05, time_lag=1))
    healed, fringed = (sharpen(Sharpener(), *pair)[0] for pair in (straight, crooked))
    draw_scenes(healed)
    draw_bands(ground)
    draw_wald(straight)
    draw_misalignment(healed, fringed, crooked)
    draw_metrics(healed, straight)
    draw_judging(healed, fringed)


def photograph(ground: Ground, sensor: Imager) -> tuple[Tensor, Tensor]:
    """Reflectance of pan (1, 1, 4h, 4w) and mul (1, 8, h, w)."""
    pan, mul = observe(ground, torch.Generator().manual_seed(1), sensor)
    return pan[None, None].float() / SCALE, mul[None].float() / SCALE


def draw_scenes(oklab: Tensor) -> None:
    """Two neighbours: each stretched by what is in it, then both by one curve; and two looks of one place."""
    left, right = oklab[:, 200:440, 220:500], oklab[:, 200:440, 500:760]
    stretched = torch.cat([stretch(left), stretch(right)], 2)
    fixed = torch.cat([natural(left), natural(right)], 2)
    save("scene-tiles", row(stretched, fixed))
    place = oklab[:, 200:500, 40:440]
    save("scene-looks", row(render(place, Look(FLAT.name, 8)), natural(place)))


def draw_bands(ground: Ground) -> None:
    """What each visible band sees of one place; red, green and blue as they come; the colour of all."""
    bands = ground.bands[(slice(None), *STREET)]
    plain = linear_srgb_to_oklab(bands[[BANDS.index(name) for name in ("red", "green", "blue")]])
    save("bands", row(*map(render_pan, bands[:VISIBLE]), natural(plain), natural(mul_to_oklab(bands))))


def draw_wald(pair: tuple[Tensor, Tensor]) -> None:
    """The exam: coarser pan, coarser mul, the answer, and the truth."""
    case = plain_case(*pair)
    answer = sharpen(Sharpener(), case.pan, case.mul)[0]
    print(f"wald: {float(delta_e_ok(answer, case.truth[0]).mean()):.2f} JND")
    padded = F.pad(case.mul, (BICUBIC_REACH,) * 4, mode="replicate")[0]
    pictures = render_pan(case.pan[0, 0]), render_upsampled(padded), natural(answer), natural(case.truth[0])
    save("wald", row(*(picture[:, 40:136, 40:136] for picture in pictures), scale=3))


def draw_misalignment(healed: Tensor, fringed: Tensor, crooked: tuple[Tensor, Tensor]) -> None:
    """The same sharpener on arrays that lie on each other, and that don't; then the same, coarser."""
    here = (slice(None), *STREET)
    pieces = healed[here], fringed[here]
    colours = [render(at_lightness(piece), SCREEN) for piece in pieces]
    save("misalignment", row(*map(natural, pieces), *colours, scale=2))
    case = plain_case(*crooked)
    answer = sharpen(Sharpener(), case.pan, case.mul)[0]
    for name, oklab, pair in (
        ("full scale, straight", healed, crooked),
        ("full scale, crooked", fringed, crooked),
        ("coarser, crooked", answer, (case.pan, case.mul)),
    ):
        fringe = full_maps(oklab[None], *pair).fringe
        print(f"fringe of {name}: mean {float(fringe.mean()):.2f}, p99 {float(fringe.quantile(0.99)):.2f}")


def draw_metrics(truth: Tensor, pair: tuple[Tensor, Tensor]) -> None:
    """A truth, and four ways to be off by the same mean distance."""
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(2))
    noise[1:] /= 4
    ways: dict[str, Callable[[float], Tensor]] = {
        "lighter": lambda by: torch.cat([truth[:1] + by, truth[1:]]),
        "noisy": lambda by: truth + by * noise,
        "soft": lambda by: blur(truth, 20 * by),
        "colour displaced": lambda by: torch.cat([truth[:1], shift(truth[1:], (40 * by, 30 * by))]),
    }
    pictures = [truth]
    for name, way in ways.items():
        damaged = way(strength(way, truth))
        light, true_light = (oklab_to_linear_srgb(oklab).clamp(0, 1) for oklab in (damaged, truth))
        fringe = full_maps(damaged[None], *pair).fringe
        print(
            f"{name}: {float(delta_e_ok(damaged, truth).mean()):.2f} JND, "
            f"PSNR {psnr(light, true_light, peak=1.0):.1f}, SSIM {ssim(light, true_light, peak=1.0):.2f}, "
            f"fringe p99 {float(fringe.quantile(0.99)):.2f}"
        )
        pictures.append(damaged)
    print(f"the truth itself: fringe p99 {float(full_maps(truth[None], *pair).fringe.quantile(0.99)):.2f}")
    save("metrics", row(*(natural(picture[:, 320:440, 320:440]) for picture in pictures), scale=2))


def draw_judging(healed: Tensor, fringed: Tensor) -> None:
    """What the commands of the darkroom make of two results."""
    here = (slice(None), *STREET)
    first, second = fringed[here], healed[here]
    # As the commands do: on what was shown, not on the scene.
    shown = [from_screen(natural(oklab)) for oklab in (first, second)]
    save("judging-pair", row(*map(natural, (first, second)), scale=3))
    save("judging-exaggerate", row(*(render(one, SCREEN) for one in exaggerated(*shown, 4.0)), scale=3))
    difference = render(gray_difference(*shown, 2.0), SCREEN)
    save("judging-difference", row(difference, render(at_lightness(shown[0]), SCREEN), scale=3))
    with tempfile.TemporaryDirectory() as folder:
        picture, drawing = Path(folder) / "a.png", Path(folder) / "scope.png"
        write_png(picture, natural(fringed).to(torch.uint8).numpy())
        vectorscope(picture, drawing)
        with Image.open(drawing) as scope:
            small = scope.convert("RGB").resize((480, round(480 * scope.height / scope.width)), Image.LANCZOS)
    write("judging-scope", small)


def natural(oklab: Tensor) -> Tensor:
    """Codes (3, h, w) of the natural look."""
    return render(oklab, NATURAL, dither(*oklab.shape[-2:]))


def from_screen(codes: Tensor) -> Tensor:
    """Oklab of what is shown."""
    return unrender(codes.double(), SCREEN).float()


def stretch(oklab: Tensor) -> Tensor:
    """Codes as many viewers make them: each channel from its own 2nd to its own 98th percentile."""
    codes = render(oklab, SCREEN)
    low, high = (codes.flatten(1).quantile(share, 1)[:, None, None] for share in (0.02, 0.98))
    return ((codes - low) / (high - low) * 255).clamp(0, 255)


def blur(image: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (c, h, w)."""
    radius = max(1, round(4 * sigma))
    offsets = torch.arange(-radius, radius + 1.0)
    kernel = torch.exp(-0.5 * (offsets / max(sigma, 1e-3)) ** 2)
    kernel = (kernel / kernel.sum()).expand(len(image), 1, -1)
    padded = F.pad(image[None], (radius,) * 4, mode="reflect")
    across = F.conv2d(padded, kernel[:, :, None, :], groups=len(image))
    return F.conv2d(across, kernel[:, :, :, None], groups=len(image))[0]


def strength(way: Callable[[float], Tensor], truth: Tensor) -> float:
    """How strong a damage must be for `DAMAGE`, by bisection."""
    low, high = 0.0, 0.4
    for _ in range(12):
        middle = (low + high) / 2
        if float(delta_e_ok(way(middle), truth).mean()) < DAMAGE:
            low = middle
        else:
            high = middle
    return low


def row(*pictures: Tensor, scale: int = 1) -> Tensor:
    """Pictures beside each other with a white gutter, pixels enlarged as squares."""
    gutter = torch.full((3, scale * pictures[0].shape[1], 8), 255.0)
    large = [picture.float().repeat_interleave(scale, 1).repeat_interleave(scale, 2) for picture in pictures]
    return torch.cat([piece for picture in large for piece in (gutter, picture)][1:], 2)


def save(name: str, codes: Tensor) -> None:
    """Write codes (3, h, w)."""
    write(name, Image.fromarray(codes.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()))


def write(name: str, image: Image.Image) -> None:
    """As JPEG, as good as `LARGEST` allows."""
    for quality in range(94, 40, -4):
        data = io.BytesIO()
        image.save(data, "JPEG", quality=quality, subsampling=0, optimize=True)
        if data.tell() <= LARGEST:
            break
    (IMAGES / f"{name}.jpg").write_bytes(data.getvalue())
    print(f"{name}.jpg: {image.width} × {image.height}, {data.tell() // 1000} kB, quality {quality}")


if __name__ == "__main__":
    main()
