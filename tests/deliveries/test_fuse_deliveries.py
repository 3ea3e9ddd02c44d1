"""`fuse`, `ls` and `doctor` on deliveries: folders, archives, metadata files, parts."""

import json
import re
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import rasterio

import pairs
from potato import fuse
from potato.deliveries.synthetic.order import KINDS
from potato.errors import CalibrationError, DeliveryError, InputError, PotatoError
from potato.raster.layer import Reading

PAN, MUL = "052421600010_01_P001_PAN", "052421600010_01_P001_MUL"


def names(folder: Path, ending: str) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.name.endswith(ending))


@pytest.mark.parametrize("kind", KINDS)
def test_a_delivery_is_sharpened_and_told(made, tmp_path, kind):
    fused = fuse(made(kind), None, tmp_path / "o.tif")
    picture = pairs.read(tmp_path / "o.tif")
    assert (picture[3] == 255).mean() > 0.98
    # The drawn ground has greys in its middle: neither black nor burnt out.
    assert 40 < np.median(picture[:3]) < 220
    assert "pan in" in fused.notes[0] and str(fused).count("note: ") == len(fused.notes)
    assert ("resampled" in " ".join(fused.notes)) == kind.startswith("landsat")


def test_archives_and_metadata_files_give_the_same_picture(made, tmp_path):
    folder = made("maxar")
    fuse(folder, None, tmp_path / "folder.tif")
    zipped = shutil.make_archive(str(tmp_path / "order"), "zip", folder)
    with tarfile.open(tmp_path / "order.tar", "w") as archive:
        archive.add(folder, "order")
    til, imd = names(folder / MUL, ".TIL")[0], names(folder / PAN, ".IMD")[0]
    for number, source in enumerate((zipped, tmp_path / "order.tar", til, imd)):
        fuse(source, None, tmp_path / f"{number}.tif")
        assert np.array_equal(pairs.read(tmp_path / f"{number}.tif"), pairs.read(tmp_path / "folder.tif"))
    fuse(names(folder / PAN, ".TIL")[0], til, tmp_path / "two.tif")
    assert np.array_equal(pairs.read(tmp_path / "two.tif"), pairs.read(tmp_path / "folder.tif"))


def test_parts_of_a_product_match_at_their_seams(made, tmp_path):
    folder = made("maxar")
    fuse(folder, None, tmp_path / "whole.tif", look="flat", weights="predictor")
    whole = pairs.read(tmp_path / "whole.tif")
    kept = json.loads(names(tmp_path, ".haze.json")[0].read_text())
    assert set(kept["haze"]) >= {"pan", "blue", "nir2"}
    side = whole.shape[1] // 2
    for row, column in ((0, 0), (1, 1)):
        part = f"R{row + 1}C{column + 1}"
        pan, mul = (
            next(path for path in (folder / half).iterdir() if part in path.name) for half in (PAN, MUL)
        )
        fused = fuse(pan, mul, tmp_path / f"{part}.tif", look="flat", weights="predictor")
        assert "pan in 1 file, mul in 1 file" in fused.notes[0]
        found = pairs.read(tmp_path / f"{part}.tif")
        # Up to the reach of the predictor, a part knows nothing of its neighbours.
        inner = slice(16, -16)
        expected = whole[:, row * side : (row + 1) * side, column * side : (column + 1) * side]
        assert np.array_equal(found[:, inner, inner], expected[:, inner, inner])


def test_kept_haze_is_used_again_and_that_of_others_is_refused(made, tmp_path):
    fuse(made("maxar"), None, tmp_path / "a.tif")
    (kept,) = names(tmp_path, ".haze.json")
    data = json.loads(kept.read_text())
    changed = {band: 0.9 * value for band, value in data["haze"].items()}
    kept.write_text(json.dumps({**data, "haze": changed}))
    fuse(made("maxar"), None, tmp_path / "b.tif")
    assert not np.array_equal(pairs.read(tmp_path / "a.tif"), pairs.read(tmp_path / "b.tif"))
    kept.write_text(json.dumps({**data, "product": "another"}))
    with pytest.raises(DeliveryError, match=r"expected the haze of .*, found that of another; remove it"):
        fuse(made("maxar"), None, tmp_path / "c.tif")


def test_every_reading_option_changes_the_picture(made, tmp_path):
    def digest(**options: object) -> bytes:
        fuse(made("maxar-flat"), None, tmp_path / "o.tif", reading=Reading(**options), overwrite=True)
        return pairs.read(tmp_path / "o.tif").tobytes()

    count = float(pairs.read(names(made("maxar-flat"), "_PAN.TIF")[0])[0, 5, 5])
    found = {
        digest(),
        digest(calibrate="toa"),
        digest(sensor="GeoEye-1"),
        digest(band_order=("red", "green", "blue", "nir")),
        digest(nodata=(count,)),
    }
    assert len(found) == 4  # the sensor is the one that metadata name


@pytest.mark.parametrize("kind", ["maxar", "maxar-flat", "dimap", "landsat"])
def test_a_sensor_that_metadata_contradict_is_refused(made, tmp_path, kind):
    with pytest.raises(PotatoError, match=r"expected the sensor that .*, found IKONOS-2; leave out --sensor"):
        fuse(made(kind), None, tmp_path / "o.tif", sensor="IKONOS")


def test_a_hole_is_left_only_where_it_is_allowed(copied, tmp_path):
    folder = copied("dimap")
    names(folder, "_R1C2.TIF")[0].unlink()
    with pytest.raises(DeliveryError, match=r"R1C2.TIF; fetch the delivery again, or leave a hole"):
        fuse(folder, None, tmp_path / "o.tif")
    assert not (tmp_path / "o.tif").exists()
    fused = fuse(folder, None, tmp_path / "o.tif", reading=Reading(allow_missing=True))
    alpha = pairs.read(tmp_path / "o.tif")[3]
    half = alpha.shape[0] // 2
    assert "1 file missing" in fused.notes[0]
    assert not alpha[:half, half:].any() and alpha[:half, :half].all() and alpha[half:].all()


def test_numbers_without_constants_are_reflectance_only_if_they_can_be(copied, tmp_path):
    folder = copied("maxar")
    for file in names(folder, ".IMD"):
        file.write_text(re.sub(r"\tabsCalFactor.*\n", "", file.read_text()))
    with pytest.raises(
        CalibrationError, match=r"absCalFactor .* found none; counts can't become reflectance"
    ):
        fuse(folder, None, tmp_path / "o.tif")
    for file in names(folder, ".TIF"):
        with rasterio.open(file, "r+") as image:
            image.write(image.read() * 8)
    fused = fuse(folder, None, tmp_path / "o.tif")
    assert "its metadata lack constants, so its numbers are taken for reflectance × 10,000" in fused.notes
    # Who asks for reflectance doesn't get what may be something else.
    with pytest.raises(CalibrationError, match="absCalFactor"):
        fuse(folder, None, tmp_path / "p.tif", reading=Reading(calibrate="surface"))


def test_metadata_of_strangers_beside_two_files_are_ignored(pair, tmp_path):
    fuse(pair.pan, pair.mul, tmp_path / "a.tif")
    (pair.pan.parent / "broken.xml").write_text("<Dimap_Document><Metadata")
    (pair.pan.parent / "other_MTL.txt").write_text("GROUP = LANDSAT_METADATA_FILE\nEND")
    fuse(pair.pan, pair.mul, tmp_path / "b.tif")
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_haze_of_two_files_is_subtracted_where_their_scale_is_given(made, tmp_path):
    pan, mul = (names(made("maxar-flat"), f"_{half}.TIF")[0] for half in ("PAN", "MUL"))
    bare = []
    for file in (pan, mul):  # away from their metadata
        bare.append(shutil.copy(file, tmp_path / file.name))
    hazy = Reading(sensor="GE01", scale=(0.0004,))
    clear = Reading(sensor="GE01", scale=(0.0004,), calibrate="surface")
    for name, reading in (("hazy", hazy), ("clear", clear)):
        fused = fuse(*bare, tmp_path / f"{name}.tif", reading=reading, bands="all")
    assert fused.notes[0] == "surface reflectance, haze of the whole pair subtracted"
    (kept,) = names(tmp_path, ".haze.json")
    haze = json.loads(kept.read_text())["haze"]
    before, after = (
        pairs.read(tmp_path / f"{name}.tif").astype(float).mean((1, 2)) for name in ("hazy", "clear")
    )
    expected = [1e4 * haze[band] for band in ("blue", "green", "red", "nir")]
    assert max(expected) > 0 and np.allclose(before - after, expected, atol=0.02 * before.max())


def test_bands_in_unknown_order_are_refused_until_they_are_named(made, tmp_path):
    pan, mul = (names(made("files"), f"{half}.tif")[0] for half in ("pan", "mul"))
    bare = [shutil.copy(file, tmp_path / file.name) for file in (pan, mul)]
    with rasterio.open(bare[1], "r+") as file:
        file.descriptions = (None,) * file.count
    for sensor, said in (
        (None, r"\(--band-order blue,green,red,nir, or red,green,blue if the fourth is alpha\)"),
        ("SPOT-6", "--band-order blue,green,red,nir"),
    ):
        with pytest.raises(PotatoError, match=said):
            fuse(*bare, tmp_path / "o.tif", sensor=sensor)
    order = ("blue", "green", "red", "nir")
    fuse(*bare, tmp_path / "o.tif", reading=Reading(band_order=order))
    fuse(pan, mul, tmp_path / "p.tif")
    assert np.array_equal(pairs.read(tmp_path / "o.tif"), pairs.read(tmp_path / "p.tif"))


def test_counts_by_the_word_of_metadata_are_never_taken_for_reflectance(copied, tmp_path):
    folder = copied("dimap")
    for file in names(folder, ".XML"):
        file.write_text(re.sub(r"<VALUE>[\d.]+</VALUE>", "<VALUE>999</VALUE>", file.read_text()))
    for file in names(folder, ".TIF"):
        with rasterio.open(file, "r+") as image:
            image.write(image.read() * 4)
    with pytest.raises(CalibrationError, match="counts can't become reflectance"):
        fuse(folder, None, tmp_path / "o.tif")


def test_options_for_files_and_for_deliveries_are_told_apart(made, pair, tmp_path):
    with pytest.raises(InputError, match="expected --scale with a pan and a mul, found it with a delivery"):
        fuse(made("maxar"), None, tmp_path / "o.tif", reading=Reading(scale=(0.0001,)))
    with pytest.raises(InputError, match="expected a vendor's metadata beside it for --calibrate toa"):
        fuse(pair.pan, pair.mul, tmp_path / "o.tif", reading=Reading(calibrate="toa"))
    with pytest.raises(InputError, match="expected --product with a delivery, found it with a pan and a mul"):
        fuse(pair.pan, pair.mul, tmp_path / "o.tif", reading=Reading(product="P002"))
    with pytest.raises(InputError, match="expected a sensor that `potato sensors` lists, found X9"):
        fuse(made("maxar"), None, tmp_path / "o.tif", sensor="X9")


def test_commands_take_deliveries(made, run, tmp_path):
    folder = made("dimap")
    listed = run("ls", folder)
    assert listed.exit_code == 0 and "Pléiades 1A" in listed.output and "1 product, 1 usable" in listed.output
    examined = run("doctor", folder)
    assert "fine   PHR1A" in examined.output
    made_picture = run("fuse", folder, tmp_path / "o.tif", "--json")
    assert json.loads(made_picture.output)["notes"][0].startswith("PHR1A")
    asked = run("fuse", folder, folder, folder, tmp_path / "o.tif")
    assert asked.exit_code == 2 and "expected a pan and a mul, or a delivery" in asked.output


def test_a_mul_is_not_taken_for_the_output(pair, copied, run):
    folder = copied("maxar")
    tils = [names(folder / half, ".TIL")[0] for half in (PAN, MUL)]
    for pan, mul in ((pair.pan, pair.mul), tils):
        before = mul.read_bytes()
        forgotten = run("fuse", pan, mul, "--overwrite")
        assert forgotten.exit_code == 2 and f"found {pan} before {mul}" in forgotten.output
        assert mul.read_bytes() == before


def test_doctor_tells_what_is_missing(copied, run):
    folder = copied("maxar")
    names(folder / MUL, "_R2C2-052421600010_01_P001.TIF")[0].unlink()
    examined = run("doctor", folder)
    assert examined.exit_code == 3
    assert "R2C2" in examined.output and "fetch the delivery again" in examined.output
    listed = run("ls", folder)
    assert listed.exit_code == 0 and "1 product, 0 usable" in listed.output
