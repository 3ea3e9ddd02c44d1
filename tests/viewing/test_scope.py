"""The vectorscope."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pairs
from pictures import colours, read_placeless, write_rgba
from potato.core.render import FLAT, unrender
from potato.errors import EmptyError
from potato.viewing import scope

# The machine may be busy, so examples have no deadline.
laws = settings(max_examples=100, deadline=None)


def drawn(path: Path) -> np.ndarray:
    return read_placeless(path)[:3].astype(int)


@laws
@given(st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)), min_size=1, max_size=30))
def test_every_colour_is_counted_in_its_bin(places):
    points = np.array(places, float).T
    counts = scope.chroma_histogram(np.concatenate([np.zeros_like(points[:1]), points]), 0.2, 40)
    edges = np.linspace(-0.2, 0.2, 41)
    # On the rim itself, to rounding, a colour may be counted or not.
    inside, touching = ((abs(points) < 0.2 + slack).all(0) for slack in (-1e-9, 1e-9))
    assert int(inside.sum()) <= counts.sum() <= int(touching.sum())
    for a, b in points[:, inside].T.tolist():
        column, row = (int(np.clip(np.searchsorted(edges, v, "right") - 1, 0, 39)) for v in (a, b))
        near = counts[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert near.sum() > 0


@pytest.mark.parametrize("ending", ["png", "tif", "TIFF"])
def test_colours_are_drawn_at_their_hue_and_chroma(tmp_path, ending, run):
    warm, cold, other = (40_000, 30_000, 20_000), (20_000, 30_000, 40_000), (0, 65_535, 0)
    codes = np.zeros((3, 40, 60), "uint16")
    for n, colour in enumerate((warm, cold, other)):
        codes[:, :, 20 * n : 20 * n + 20] = np.array(colour)[:, None, None]
    valid = np.arange(60)[None].repeat(40, 0) < 40
    path, output = write_rgba(tmp_path / "a.tif", codes, valid), tmp_path / f"o.{ending}"
    facts = json.loads(run("vectorscope", path, output, "--json").stdout)
    points = unrender(np.array([warm, cold], float).T[..., None], FLAT)[1:, :, 0]
    mean = points.mean(1).tolist()
    assert [facts["a"], facts["b"]] == pytest.approx(mean, abs=1e-9)
    assert facts["pixels"] == 1600 and facts["beyond"] == 0
    image = drawn(output)

    def at(a: float, b: float) -> np.ndarray:
        """The pixel at a and b; the plane is 800 pixels wide and 100 from each edge."""
        return image[:, round(500 - b / 0.2 * 400), round(500 + a / 0.2 * 400)]

    (red, _, blue), (other_red, _, other_blue) = (at(*point) for point in points.T.tolist())
    assert red > blue + 60 and other_blue > other_red + 60
    assert (at(*mean) == 255).all(), "the cross of the mean"
    reddish, bluish = image[0] > image[2] + 60, image[2] > image[0] + 60
    assert reddish[:, 850:].any() and bluish[900:].any(), "the names of red and blue at their hues"


def test_max_chroma_is_the_rim_and_the_share_beyond_is_printed(tmp_path, run):
    codes = np.full((3, 40, 50), 30_000, "uint16")
    codes[1, :10] = 10_000
    path = pairs.write(tmp_path / "a.tif", codes)
    pictures = []
    for max_chroma, share in ((0.3, 0), (0.05, 0.25)):
        found = scope.vectorscope(path, tmp_path / "o.png", max_chroma=max_chroma, overwrite=True)
        assert found.beyond == share and ("25% outside" in str(found)) == bool(share)
        pictures.append(drawn(tmp_path / "o.png"))
    assert not np.array_equal(*pictures)


def test_the_drawing_does_not_depend_on_blocks_or_workers(two, tmp_path):
    for n, (block, workers) in enumerate(((512, 1), (41, 3))):
        scope.vectorscope(two[1], tmp_path / f"{n}.png", workers=workers, block=block)
    assert np.array_equal(drawn(tmp_path / "0.png"), drawn(tmp_path / "1.png"))


def test_a_picture_without_valid_pixels_and_an_existing_output_are_refused(two, tmp_path, run):
    empty = write_rgba(tmp_path / "e.tif", colours(30, 30, "uint8"), np.zeros((30, 30), bool))
    with pytest.raises(EmptyError, match="something valid"):
        scope.vectorscope(empty, tmp_path / "o.png")
    assert run("vectorscope", two[0], tmp_path / "o.png").exit_code == 0
    assert "--overwrite" in run("vectorscope", two[0], tmp_path / "o.png").stderr


def test_missing_matplotlib_is_named(two, tmp_path, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("vectorscope", two[0], tmp_path / "o.png")
    assert result.exit_code == 1 and "pip install 'potato-pansharp[plots]'" in result.stderr
