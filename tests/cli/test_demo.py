import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rio_cogeo.cogeo import cog_validate

from potato import demo, open_pair, save_model


@pytest.mark.parametrize("size", [None, 512])
def test_demo_writes_a_valid_pair_its_sharpened_picture_and_a_comparison(tmp_path, size):
    made = demo(tmp_path / "new" / "folder", size=size)
    open_pair(made.pan, made.mul).close()
    for path in (made.pan, made.mul, made.fused.output):
        assert cog_validate(path, strict=True)[0]
    with rasterio.open(made.pan) as pan, rasterio.open(made.mul) as mul:
        assert pan.nodata is None and mul.nodata is None
        assert mul.descriptions[5] == "BAND_RE"
        valid = pan.read_masks(1) > 0
        side = size or pan.height
    with rasterio.open(made.fused.output) as picture:
        alpha = picture.read(4)
    assert 0.8 < valid.mean() < 0.99, "a ragged edge is invalid"
    assert np.array_equal(alpha > 0, valid)
    with pytest.warns(NotGeoreferencedWarning), rasterio.open(made.comparison) as comparison:
        assert comparison.driver == "PNG" and (comparison.height, comparison.width) == (side, 3 * side + 16)
    assert str(made.comparison) in str(made) and str(made.fused.output) in str(made)


def test_one_seed_gives_identical_bytes_and_another_other_ground(tmp_path):
    pictures = [
        demo(tmp_path / str(number), size=256, seed=seed).fused.output.read_bytes()
        for number, seed in enumerate((1, 1, 2))
    ]
    assert pictures[0] == pictures[1] != pictures[2]


def test_options_change_the_demonstration(tmp_path, run, network):
    save_model(network, tmp_path / "net.safetensors")
    folder = tmp_path / "demo"
    base = ("demo", folder, "--size", 256, "--overwrite")

    def made(*options: object) -> bytes:
        result = run(*base, *options)
        assert result.exit_code == 0, result.output
        return next(folder.glob("*sharp.tif")).read_bytes()

    plain = made()
    assert made("--seed", 3) != plain != made("--weights", tmp_path / "net.safetensors")
    assert made("--device", "cpu") == plain
    assert run(*base, "--quiet").output == ""


@pytest.mark.parametrize(("options", "says"), [(("--size", 258), "that 4 divides"), ((), "--overwrite")])
def test_wrong_sizes_and_existing_files_are_refused(tmp_path, run, options, says):
    run("demo", tmp_path, "--size", 256)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = run("demo", tmp_path, *options)
    assert result.exit_code == 1 and says in result.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_below_a_file_is_refused(tmp_path, run):
    (tmp_path / "file").write_text("")
    result = run("demo", tmp_path / "file" / "x")
    assert result.exit_code == 1 and "can't write there" in result.stderr
