"""Pan and mul of 8 bits that were developed for the eye are sharpened in their colours."""

import numpy as np
import pytest
from affine import Affine

import pairs
from potato import fuse
from potato.errors import BandError, InputError
from potato.raster.layer import Reading

COARSE = pairs.CORNER @ Affine.scale(4)
FOUR = ("nir", "red", "green", "blue")
COLOURS = np.array([[255, 40, 30], [30, 160, 60], [20, 60, 190], [128, 128, 128], [0, 0, 0], [255, 250, 240]])


def write(folder, kinds=("uint8", "uint8"), names=FOUR[1:], **profile):
    """Six fields of one colour each; pan has stripes of shading."""
    codes = np.repeat(np.repeat(COLOURS.T[:, None], 8, 1), 8, 2).astype(float)  # (3, 8, 48)
    stripes = 1 + 0.1 * np.tile([1, -1], 16)[:, None]
    pan = (np.kron(codes.mean(0), np.ones((4, 4))) * stripes).clip(0, 255)
    planes = dict(zip(FOUR, [255 - codes[0], *codes], strict=True))
    mul = np.stack([planes[name] for name in names])
    return pairs.Paths(
        pairs.write(folder / "p.tif", pan.round().astype(kinds[0])),
        pairs.write(folder / "m.tif", mul.astype(kinds[1]), COARSE, names=names, **profile),
    )


@pytest.mark.parametrize("names", [FOUR, FOUR[1:], FOUR[::-1]])
def test_the_colours_of_a_picture_remain_and_pan_shades_them(tmp_path, run, names):
    paths = write(tmp_path, names=names)
    made = run("fuse", paths.pan, paths.mul, tmp_path / "o.tif")
    assert made.exit_code == 0 and "taken for pictures that were developed for the eye" in made.stdout
    picture = pairs.read(tmp_path / "o.tif").astype(int)
    assert picture.shape == (4, 32, 192) and (picture[3] == 255).all()  # black is a colour
    for field, colour in enumerate(COLOURS[1:5], 1):
        inside = picture[:3, 8:-8, field * 32 + 12 : field * 32 + 20]
        assert abs(inside.mean((1, 2)) - colour).max() < 4
        brighter = inside[:, ::2].mean((1, 2)) - inside[:, 1::2].mean((1, 2))
        assert brighter == pytest.approx(0.2 * colour, abs=4)


def test_what_a_picture_marks_as_invalid_is_transparent(tmp_path):
    paths = write(tmp_path, nodata=0)
    fuse(*vars(paths).values(), tmp_path / "o.tif")
    alpha = pairs.read(tmp_path / "o.tif")[3]
    assert (alpha[:, 128:160] == 0).all() and (alpha[:, :128] == 255).all()


def test_a_scale_makes_counts_of_a_picture(tmp_path):
    paths = write(tmp_path)
    shown = fuse(*vars(paths).values(), tmp_path / "a.tif", reading=Reading(scale=(0.004,)))
    assert "pictures" not in str(shown.notes)
    assert (pairs.read(tmp_path / "a.tif")[3, :, 132:156] == 0).all()  # black is nodata again


@pytest.mark.parametrize(
    ("kinds", "settings", "says"),
    [
        (
            ("uint8", "uint16"),
            {},
            r"p\.tif: .*found numbers of uint8; if they were",
        ),
        (
            ("uint16", "uint8"),
            {},
            r"m\.tif: .*found numbers of uint8; if they were",
        ),
        (("uint8", "uint8"), {"sensor": "GE01"}, r"found numbers of uint8; .*\(--sensor three-band\)"),
        (("uint8", "uint8"), {"bands": "all"}, "expected bands of reflectance, found those of a picture"),
    ],
)
def test_what_is_no_pair_of_pictures_is_refused(tmp_path, kinds, settings, says):
    paths = write(tmp_path, kinds, names=FOUR)
    with pytest.raises((BandError, InputError), match=says):
        fuse(*vars(paths).values(), tmp_path / "o.tif", **settings)
    assert not (tmp_path / "o.tif").exists()


def test_what_the_refusal_advises_makes_the_picture(tmp_path):
    paths = write(tmp_path, names=FOUR)
    for name, sensor in (("a.tif", "three-band"), ("b.tif", None)):
        fuse(*vars(paths).values(), tmp_path / name, sensor=sensor)
    assert np.array_equal(pairs.read(tmp_path / "a.tif"), pairs.read(tmp_path / "b.tif"))
