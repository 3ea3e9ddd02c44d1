"""Draw the pictures of the docs, of simulated ground and a Landsat scene, by the shipped weights.

    python docs/make_pictures.py                 # all, and the figures that the pages quote
    python docs/make_pictures.py --if-changed    # only if weights, scenes or this script changed

`make docs` runs the second line. docs/images/drawn_from has a digest of what they came from.
The page of ratings is drawn where Chromium is installed.
"""

import contextlib
import hashlib
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from potato.ard.rating.rate_ard import rate_cids
from potato.ard.synthetic.builder import make_ard
from potato.chips.contact_sheet import chips_sheet
from potato.chips.fake import fake_chips
from potato.chips.make import make_chips
from potato.core.color import delta_e_ok, linear_srgb_to_oklab, mul_to_oklab, oklab_to_linear_srgb
from potato.core.draw import GUTTER, render_pan, render_upsampled, side_by_side
from potato.core.full_scale import fringes
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import NATURAL, dither, render, unrender
from potato.core.resample import BICUBIC_REACH
from potato.core.sensor_table import WORKSHOP
from potato.demonstration import demo
from potato.evaluation.cases import plain_case
from potato.evaluation.metrics.reduced import psnr, ssim
from potato.evaluation.registration import shift
from potato.fusion.pipeline import fuse
from potato.model.network import Sharpener, sharpen
from potato.raster.encoding import write_png
from potato.simulation.ground import Ground, make_ground
from potato.simulation.imager import Imager, observe
from potato.viewing.color_ops import at_lightness, exaggerated, gray_difference, screen_look
from potato.viewing.scope import vectorscope

IMAGES = Path(__file__).parent / "images"
DRAWN_FROM = IMAGES / "drawn_from"
ASSETS = Path(__file__).parents[1] / "src" / "potato" / "assets"

CHROMIUM = next(filter(shutil.which, ("chromium", "chromium-browser", "google-chrome")), None)

SOURCES = (".csv", ".json", ".safetensors", ".tif")
"""Endings of the package's files that pictures come from."""

MAX_BYTES = 150_000
"""Bytes of a picture: pages should open quickly, and the history keeps every picture."""

SIZE = 768
"""Side of the ground in pan pixels."""

STREET = (slice(320, 480), slice(300, 460))
"""Rows and columns of a part with roofs, a road and cars."""

CRATER = (slice(230, 530), slice(180, 480))
VILLAGE = (slice(525, 625), slice(130, 230))
"""Rows and columns of the Landsat scene's comparison: a lava flow, and houses at a shore."""

TOWN = (slice(100, 400), slice(100, 400))
"""Rows and columns of the demonstration's comparison, for the first page."""

SLOPE = (slice(300, 668), slice(250, 700))
"""Rows and columns of the whole scene: from the crater to the lake."""

SCREEN = screen_look(8)

DAMAGE = 2.0
"""Mean ΔE, in JND, of each damaged picture of docs/concepts/metrics.md."""


def main() -> None:
    """Draw all pictures, or none if nothing changed that they are made of."""
    if "--if-changed" in sys.argv and DRAWN_FROM.read_text("utf-8").strip() == digest():
        return
    draw_all()
    DRAWN_FROM.write_text(f"{digest()}\n", "utf-8")


def digest() -> str:
    """A digest of this script, the weights and the scenes."""
    files = [Path(__file__), *(path for path in ASSETS.rglob("*") if path.suffix in SOURCES)]
    found = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


@torch.inference_mode()
def draw_all() -> None:
    """Draw all pictures."""
    ground = make_ground(SIZE, SIZE, torch.Generator().manual_seed(8), style="town")
    registered = photograph(
        ground, Imager(displacement=(0.0, 0.0), jitter=0.0, parallax=(0.0, 0.0), time_lag=0.0)
    )
    displaced = photograph(ground, Imager(displacement=(0.35, 0.3), jitter=0.05, time_lag=1))
    clean, fringed = (sharpen(Sharpener(), *pair)[0] for pair in (registered, displaced))
    draw_scenes(clean)
    draw_bands(ground)
    draw_wald(registered)
    draw_misalignment(clean, fringed, displaced)
    draw_metrics(clean, registered)
    draw_judging(clean, fringed)
    draw_landsat()
    draw_front()
    draw_chips()


def photograph(ground: Ground, imager: Imager) -> tuple[Tensor, Tensor]:
    """Reflectance of pan (1, 1, 4h, 4w) and mul (1, 8, h, w)."""
    pan, mul = observe(ground, torch.Generator().manual_seed(1), imager)
    return counts_to_reflectance(pan)[None, None], counts_to_reflectance(mul)[None]


def draw_scenes(oklab: Tensor) -> None:
    """Draw neighbours, stretched by their own statistics or one curve; and a place in two looks."""
    left, right = oklab[:, 200:440, 220:500], oklab[:, 200:440, 500:760]
    stretched = torch.cat([stretch(left), stretch(right)], 2)
    fixed = torch.cat([natural(left), natural(right)], 2)
    save("scene-tiles", row(stretched, fixed))
    place = oklab[:, 200:500, 40:440]
    save("scene-looks", row(render(place, screen_look(8)), natural(place)))


def draw_bands(ground: Ground) -> None:
    """Draw a place in each visible band, in plain red, green and blue, and in its true colour."""
    bands = ground.bands[(slice(None), *STREET)]
    plain = linear_srgb_to_oklab(bands[[WORKSHOP.bands.index(name) for name in ("red", "green", "blue")]])
    save(
        "bands",
        row(
            *map(render_pan, bands[: len(WORKSHOP.visible)]),
            natural(plain),
            natural(mul_to_oklab(bands, WORKSHOP)),
        ),
    )


def draw_wald(pair: tuple[Tensor, Tensor]) -> None:
    """Draw Wald's protocol: coarser pan, coarser mul, the result, and the truth."""
    case = plain_case(*pair, WORKSHOP)
    answer = sharpen(Sharpener(), case.pan, case.mul)[0]
    print(f"wald: {float(delta_e_ok(answer, case.truth[0]).mean()):.2f} JND")
    padded = F.pad(case.mul, (BICUBIC_REACH,) * 4, mode="replicate")[0]
    pictures = (
        render_pan(case.pan[0, 0]),
        render_upsampled(padded, WORKSHOP),
        natural(answer),
        natural(case.truth[0]),
    )
    save("wald", row(*(picture[:, 40:136, 40:136] for picture in pictures), scale=3))


def draw_misalignment(clean: Tensor, fringed: Tensor, displaced: tuple[Tensor, Tensor]) -> None:
    """Draw results from registered and from displaced band arrays; print fringes at both scales."""
    here = (slice(None), *STREET)
    pieces = clean[here], fringed[here]
    colours = [render(at_lightness(piece.numpy()), SCREEN) for piece in pieces]
    save("misalignment", row(*map(natural, pieces), *colours, scale=2))
    case = plain_case(*displaced, WORKSHOP)
    answer = sharpen(Sharpener(), case.pan, case.mul)[0]
    for name, oklab in (
        ("full scale, registered", clean),
        ("full scale, displaced", fringed),
        ("coarser, displaced", answer),
    ):
        mean = fringes(oklab.numpy(), WORKSHOP.ratio)[-1].mean()
        print(f"fringe of {name}: mean {mean:.2f}, p99 {fringe_p99(oklab):.2f}")


def fringe_p99(oklab: Tensor) -> float:
    """The 99th percentile of a picture's fringes on both axes of chroma."""
    return float(np.quantile(fringes(oklab.numpy(), WORKSHOP.ratio)[-1], 0.99))


def draw_metrics(truth: Tensor, pair: tuple[Tensor, Tensor]) -> None:
    """Draw a truth, and four damaged pictures with one mean colour difference."""
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
        print(
            f"{name}: {float(delta_e_ok(damaged, truth).mean()):.2f} JND, "
            f"PSNR {psnr(light, true_light, peak=1.0):.1f}, SSIM {ssim(light, true_light, peak=1.0):.2f}, "
            f"fringe p99 {fringe_p99(damaged):.2f}"
        )
        pictures.append(damaged)
    print(f"the truth itself: fringe p99 {fringe_p99(truth):.2f}")
    save("metrics", row(*(natural(picture[:, 320:440, 320:440]) for picture in pictures), scale=2))


def draw_judging(clean: Tensor, fringed: Tensor) -> None:
    """Draw what the viewing commands make of two results."""
    here = (slice(None), *STREET)
    first, second = fringed[here], clean[here]
    # The commands compare colours as shown, not those of the scene.
    shown = [from_screen(natural(oklab)).numpy() for oklab in (first, second)]
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


def draw_landsat() -> None:
    """Draw the Landsat scene: mul enlarged, pan and result at 1:1 and enlarged; and a composite."""
    with tempfile.TemporaryDirectory() as folder:
        made = demo(folder, landsat=True)
        sheet, composite = read_codes(made.comparison), Path(folder) / "composite.tif"
        fuse(made.pan, None, composite, composite=("nir", "red", "green"))
        true, infrared = read_codes(made.fused.output), read_codes(composite)
    side = sheet.shape[1]
    pan, mul, result = (sheet[:, :, left : left + side] for left in (n * (side + GUTTER) for n in range(3)))
    rows = [
        row(*(picture[:, *place] for picture in (mul, pan, result)), scale=scale)
        for place, scale in ((CRATER, 1), (VILLAGE, 3))
    ]
    gutter = torch.full((3, GUTTER, rows[0].shape[2]), 255.0)
    save("landsat", torch.cat([rows[0], gutter, rows[1]], 1))
    save("composite", row(true[:, *SLOPE], infrared[:, *SLOPE]))


def draw_front() -> None:
    """Draw both demonstrations: for the README as two rows, for the first page as swipes."""
    rows = []
    for name, landsat, place in (("worldview", False, TOWN), ("landsat", True, CRATER)):
        with tempfile.TemporaryDirectory() as folder:
            sheet = read_codes(demo(folder, landsat=landsat).comparison)
        side = sheet.shape[1]
        pictures = [sheet[:, :, left : left + side] for left in (n * (side + GUTTER) for n in range(3))]
        pan, mul, result = (picture[:, *place] for picture in pictures)
        rows.append(row(pan, mul, result))
        save(f"swipe-{name}-before", row(mul, scale=2))
        save(f"swipe-{name}-after", row(result, scale=2))
    gutter = torch.full((3, GUTTER, rows[0].shape[2]), 255.0)
    save("front", torch.cat([rows[0], gutter, rows[1]], 1))


def draw_chips() -> None:
    """Draw chips of an ARD, chips of rare surfaces, and the page of the ARD's ratings."""
    # The page names the folder as the command would.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        make_ard("ards/demo", tiles=4, size=1360, broken=False)
        make_chips("ards/demo", "chips", count=4, size=192, extra_halving=False)
        fake_chips("fakes", count=4, size=192)
        for pool in ("chips", "fakes"):
            sheet = Path(f"{pool}.png")
            chips_sheet(pool, sheet, count=6)
            save(pool, read_codes(sheet))
        page, picture = Path("sheet.html").absolute(), Path("sheet.png").absolute()
        rate_cids("ards/demo", "ratings.csv", sheet=page)
        if CHROMIUM:
            look = [f"--screenshot={picture}", "--window-size=1180,610", page.as_uri()]
            subprocess.run([CHROMIUM, "--headless", "--no-sandbox", *look], check=True, capture_output=True)
            save("sheet", read_codes(picture))


def read_codes(path: Path) -> Tensor:
    """Codes (3, h, w) of a picture of 8 bits."""
    with Image.open(path) as file:
        return torch.from_numpy(np.array(file.convert("RGB"))).permute(2, 0, 1)


def natural(oklab: Tensor) -> Tensor:
    """Render codes (3, h, w) in the natural look."""
    return render(oklab, NATURAL, dither(*oklab.shape[-2:]))


def from_screen(codes: Tensor) -> Tensor:
    """Oklab of codes as a screen shows them."""
    return unrender(codes.double(), SCREEN).float()


def stretch(oklab: Tensor) -> Tensor:
    """Stretch each channel from its 2nd to its 98th percentile, as many viewers do."""
    codes = render(oklab, SCREEN)
    low, high = (codes.flatten(1).quantile(share, 1)[:, None, None] for share in (0.02, 0.98))
    return ((codes - low) / (high - low) * 255).clamp(0, 255)


def blur(image: Tensor, sigma: float) -> Tensor:
    """Blur (c, h, w) with a Gaussian."""
    radius = max(1, round(4 * sigma))
    offsets = torch.arange(-radius, radius + 1.0)
    kernel = torch.exp(-0.5 * (offsets / max(sigma, 1e-3)) ** 2)
    kernel = (kernel / kernel.sum()).expand(len(image), 1, -1)
    padded = F.pad(image[None], (radius,) * 4, mode="reflect")
    across = F.conv2d(padded, kernel[:, :, None, :], groups=len(image))
    return F.conv2d(across, kernel[:, :, :, None], groups=len(image))[0]


def strength(way: Callable[[float], Tensor], truth: Tensor) -> float:
    """Strength at which a damage reaches `DAMAGE`, by bisection."""
    low, high = 0.0, 0.4
    for _ in range(12):
        middle = (low + high) / 2
        if float(delta_e_ok(way(middle), truth).mean()) < DAMAGE:
            low = middle
        else:
            high = middle
    return low


def row(*pictures: Tensor | NDArray[np.float32], scale: int = 1) -> Tensor:
    """Join pictures side by side with a white gutter, each pixel a square of `scale` pixels."""
    tensors = map(torch.as_tensor, pictures)
    return side_by_side(*(one.repeat_interleave(scale, 1).repeat_interleave(scale, 2) for one in tensors))


def save(name: str, codes: Tensor) -> None:
    """Write codes (3, h, w)."""
    write(name, Image.fromarray(codes.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()))


def write(name: str, image: Image.Image) -> None:
    """Write a JPEG, as good as `MAX_BYTES` allows."""
    for quality in range(94, 40, -4):
        data = io.BytesIO()
        image.save(data, "JPEG", quality=quality, subsampling=0, optimize=True)
        if data.tell() <= MAX_BYTES:
            break
    (IMAGES / f"{name}.jpg").write_bytes(data.getvalue())
    print(f"{name}.jpg: {image.width} × {image.height}, {data.tell() // 1000} kB, quality {quality}")


if __name__ == "__main__":
    main()
