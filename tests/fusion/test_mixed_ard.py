"""An ARD with passes of several satellites: each has the weights of its sensor."""

import json

import pytest
import rasterio

import ards
from fused_ards import fuse_inline, names, states
from networks import random_network
from potato.core.platforms import find_sensor
from potato.core.sensor_table import GEOEYE_1
from potato.errors import ArdError, OutputExists, WeightsError
from potato.fusion.ard.manifest import read_manifest
from potato.model.model import Architecture
from potato.model.network import Sharpener
from potato.model.weights import PREDICTOR, load_model, save_model

GEOEYE = "1050010000000C00"
WORLDVIEW_4 = "efa23864-4920-4cb9-91bb-c140d7666417-inv"
LEGION = "B010010000000D00"
PASSES = {ards.CID: None, GEOEYE: "GE01", WORLDVIEW_4: "WV04", LEGION: "LG01"}


@pytest.fixture(autouse=True)
def shipped(ship):
    """Weights of WorldView-2 and of four bands are shipped, and none of Legion."""
    ship(worldview=random_network(width=3, depth=1), bgrn=random_network(GEOEYE_1, width=3, depth=1))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A tile each of WorldView-2, GeoEye-1, WorldView-4 and Legion; pan of WorldView-1."""
    root = tmp_path_factory.mktemp("mixed") / "ard"
    for column, (cid, name) in enumerate(PASSES.items()):
        ards.write_tile(root, column, cid=cid, sensor=name and find_sensor(name), side=34, block=32)
    pan_only = ards.write_tile(root, 9, cid="1020010000000E00", changes={"platform": "WV01"}, side=34)
    item = json.loads(pan_only.read_text())
    del item["assets"]["ms_analytic"]
    pan_only.write_text(json.dumps(item))
    return root


def by_cid(folder):
    return {name.rpartition("/")[2]: folder / f"{name}.tif" for name in names(folder)}


def test_every_tile_has_the_weights_and_the_colours_of_its_sensor(mixed, tmp_path):
    made = fuse_inline(mixed, tmp_path / "out", mosaic="cog")
    assert (made.done, made.mosaics, made.failed, made.left_out) == (4, 4, (), {"pan only": 1})
    for cid, path in by_cid(made.folder).items():
        sensor = find_sensor(PASSES[cid] or "WV02")
        digest = load_model(sensor=sensor).digest
        with rasterio.open(path) as picture:
            tags = picture.tags()
        assert (tags["POTATO_CID"], tags["POTATO_SENSOR"], tags["POTATO_WEIGHTS"]) == (
            cid,
            sensor.name,
            digest,
        )
        item = json.loads(path.with_suffix(".json").read_text())["properties"]
        assert (item["catalog_id"], item["platform"], item["potato:weights"]) == (cid, sensor.name, digest)
        with rasterio.open(made.folder / "mosaic" / "11" / f"{cid}.tif") as mosaic:
            assert (mosaic.tags()["POTATO_CID"], mosaic.tags()["POTATO_WEIGHTS"]) == (cid, digest)
    assert len({load_model(name).digest for name in ("worldview", "bgrn", PREDICTOR)}) == 3
    assert made.predicted == ("LG01",)
    assert "no weights fit LG01 yet, so the predictor serves" in str(made)


def test_tiles_of_one_sensor_are_the_same_alone_and_among_others(mixed, tmp_path):
    """So a run that begins with one pass can go on with the others, and the other way round."""
    alone = fuse_inline(mixed, tmp_path / "out", cids=[ards.CID])
    pictures = {path: path.read_bytes() for path in by_cid(alone.folder).values()}
    rest = fuse_inline(mixed, tmp_path / "out")
    assert (alone.done, rest.there, rest.done) == (1, 1, 3)
    assert all(path.read_bytes() == content for path, content in pictures.items())
    again = fuse_inline(mixed, tmp_path / "out", cids=[GEOEYE.lower(), WORLDVIEW_4.upper()])
    assert (again.there, again.done, again.unknown) == (2, 0, ())


def test_weights_that_change_for_one_sensor_make_only_its_pictures_stale(mixed, tmp_path):
    fuse_inline(mixed, tmp_path / "out", cids=[ards.CID, LEGION])
    # The predictor serves Legion anyway, and WorldView-2 has weights of its own.
    assert fuse_inline(mixed, tmp_path / "out", cids=[LEGION], weights=PREDICTOR).there == 1
    with pytest.raises(OutputExists, match=rf"1 picture of others \(weights: {load_model().digest}"):
        fuse_inline(mixed, tmp_path / "out", cids=[ards.CID, LEGION], weights=PREDICTOR)
    made = fuse_inline(mixed, tmp_path / "out", cids=[ards.CID, LEGION], weights=PREDICTOR, overwrite=True)
    assert (made.done, made.there) == (1, 1)
    manifest = read_manifest(tmp_path / "out")
    digest = load_model(PREDICTOR).digest
    assert {manifest.settings[row.signature]["weights"] for row in manifest.rows.values()} == {digest}


def test_tiles_that_given_weights_do_not_read_are_left_out_and_counted(mixed, tmp_path):
    weights = tmp_path / "w.safetensors"
    save_model(Sharpener(Architecture(width=8, depth=2)), weights)
    made = fuse_inline(mixed, tmp_path / "out", weights=weights)
    assert set(states(made.folder).values()) == {"done", "unusable"}
    assert set(by_cid(made.folder)) == {ards.CID}
    unread = "a sensor that the given weights don't read: {}; leave out -w, or take predictor"
    told = {unread.format(name): 1 for name in ("GE01", "WV04", "LG01")}
    assert made.left_out == {"pan only": 1, **told}
    assert f"left out: 1 tile, {unread.format('GE01')}" in str(made)
    with pytest.raises(ArdError, match=r"found none: .*the given weights don't read: GE01"):
        fuse_inline(mixed, tmp_path / "none", weights=weights, cids=[GEOEYE])
    named = fuse_inline(mixed, tmp_path / "named", weights="bgrn")
    assert set(by_cid(named.folder)) == {GEOEYE, WORLDVIEW_4}
    with pytest.raises(WeightsError, match="no such file"):
        fuse_inline(mixed, tmp_path / "none", weights=tmp_path / "x.safetensors")
    assert not (tmp_path / "none").exists()


def test_ls_and_doctor_find_nothing_wrong_with_a_mixed_ard(mixed, run):
    listed = run("ls", mixed)
    assert "5 CIDs, 5 tiles, 4 usable" in listed.stdout and "not usable: 1 tile, pan only" in listed.stdout
    rows = {line.split()[1]: line.split() for line in listed.stdout.splitlines()[1:6]}
    assert {cid: row[2] for cid, row in rows.items()} == {
        **{cid: name or "WV02" for cid, name in PASSES.items()},
        "1020010000000E00": "WV01",
    }
    examined = run("doctor", mixed)
    assert "4 good tiles of 4 CIDs, 4 of them opened" in examined.stdout
    assert "note   ARD, tiles without pan or mul" in examined.stdout
    assert "tiles of other sensors" not in examined.stdout and "wrong  ARD" not in examined.stdout
