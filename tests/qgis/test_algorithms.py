"""Each algorithm in QGIS itself, through `qgis_process`."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile

import numpy as np
import pytest
import rasterio

import ards
import pairs
from qgis_plugin_files import ROOT, load

# Debian's qgis_process is a script that adds an option which the program itself refuses.
QGIS = shutil.which("qgis_process.bin") or shutil.which("qgis_process")

pytestmark = pytest.mark.skipif(QGIS is None, reason="needs QGIS (Debian: qgis)")


@pytest.fixture(scope="module")
def qgis(tmp_path_factory):
    """Runs QGIS with the plugin of the zip, and a potato of this Python."""
    folder = tmp_path_factory.mktemp("qgis")
    zipped = load(ROOT / "release" / "qgis_plugin.py").build(folder)
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder / "plugins")
    potato = folder / "potato"
    potato.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT / "src"}" exec "{sys.executable}" -m potato "$@"\n')
    potato.chmod(0o755)
    home = folder / "home"
    home.mkdir(mode=0o700)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "PATH": os.defpath,  # or QGIS would take a Python that isn't its own
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "QT_QPA_PLATFORM": "offscreen",
        "QGIS_PLUGINPATH": str(folder / "plugins"),
        "POTATO_COMMAND": str(potato),
    }

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [QGIS, *arguments],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )

    enabled = call("plugins", "enable", "potato_sharpen")
    assert "potato_sharpen" in enabled.stdout, enabled.stderr
    return call


def run(qgis, name: str, **parameters) -> dict:
    """The results of an algorithm."""
    done = qgis("--json", "run", f"potato:{name}", *(f"--{key}={value}" for key, value in parameters.items()))
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["results"]


@pytest.fixture(scope="module")
def ard(tmp_path_factory):
    return ards.write_ard(tmp_path_factory.mktemp("qgis-ard") / "event", 2, 1)


def test_all_algorithms_are_listed_with_their_help(qgis):
    listed = qgis("list").stdout
    names = {line.split()[0] for line in listed.splitlines() if line.strip().startswith("potato:")}
    assert names == {
        f"potato:{name}"
        for name in (
            *("sharpenpair", "sharpendelivery", "listdelivery", "comparepictures"),
            *("addlivelayer", "installpotato"),
        )
    }


def test_a_pair_is_sharpened(qgis, tmp_path):
    pair = pairs.write_pair(tmp_path, 32, 32)
    output = tmp_path / "out.tif"
    found = run(qgis, "sharpenpair", PAN=pair.pan, MUL=pair.mul, LOOK="flat", OUTPUT=output)
    assert found["OUTPUT"] == str(output)
    with rasterio.open(output) as file:
        assert file.shape == (128, 128) and file.dtypes[0] == "uint16"


def test_an_error_is_the_one_line_of_potato(qgis, tmp_path):
    pair = pairs.write_pair(tmp_path, 32, 32)
    done = qgis(
        "run",
        "potato:sharpenpair",
        f"--PAN={pair.mul}",
        f"--MUL={pair.mul}",
        f"--OUTPUT={tmp_path / 'x.tif'}",
    )
    assert done.returncode != 0 and not (tmp_path / "x.tif").exists()
    assert "expected" in done.stdout + done.stderr and "Traceback" not in done.stdout + done.stderr


def test_an_ard_becomes_one_picture_of_the_chosen_ground(qgis, ard, tmp_path):
    area = tmp_path / "area.geojson"
    west, north = ards.WEST + 1000, ards.NORTH - 1000
    ring = [
        [west, north],
        [west, north - 2000],
        [west + 2000, north - 2000],
        [west + 2000, north],
        [west, north],
    ]
    area.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "crs": {"type": "name", "properties": {"name": "EPSG:32611"}},
                "features": [
                    {
                        "type": "Feature",
                        "properties": {},
                        "geometry": {"type": "Polygon", "coordinates": [ring]},
                    }
                ],
            }
        )
    )
    found = run(qgis, "sharpendelivery", SOURCE=ard, AREA=area, JOIN="event", OUTPUT=tmp_path / "out")
    assert found["PICTURE"] == str(tmp_path / "out" / "mosaic" / "event.tif")
    with rasterio.open(found["PICTURE"]) as file:
        shown = np.count_nonzero(file.read(4)) * (file.transform.a * np.cos(np.radians(36.1))) ** 2
    assert shown == pytest.approx(2000**2, rel=0.05)


def test_a_delivery_becomes_a_layer_of_footprints(qgis, ard, tmp_path):
    output = tmp_path / "footprints.geojson"
    run(qgis, "listdelivery", SOURCE=ard, OUTPUT=output)
    found = json.loads(output.read_text())["features"]
    assert len(found) == 2 and {one["properties"]["cid"] for one in found} == {ards.CID}
    assert {one["geometry"]["type"] for one in found} <= {"Polygon", "MultiPolygon"}


def test_pictures_are_compared_on_a_page(qgis, tmp_path):
    pair = pairs.write_pair(tmp_path, 32, 32)
    potato = [sys.executable, "-m", "potato", "fuse", pair.pan, pair.mul]
    for look in ("natural", "vivid"):
        subprocess.run([*potato, tmp_path / f"{look}.tif", "--look", look, "-q"], check=True)
    pictures = [f"--PICTURES={tmp_path / look}.tif" for look in ("natural", "vivid")]
    done = qgis("run", "potato:comparepictures", *pictures, f"--OUTPUT={tmp_path / 'page.html'}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vivid.tif" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_live_layer_is_added_and_its_server_ends_with_qgis(qgis, ard):
    found = run(qgis, "addlivelayer", SOURCE=ard, LOOK="clear")
    assert found["ADDRESS"].startswith("http://127.0.0.1:") and found["LAYER"]
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(found["ADDRESS"], timeout=5)


def test_nothing_is_installed_without_consent(qgis):
    done = qgis("run", "potato:installpotato")
    assert done.returncode != 0 and "expected consent to the download" in done.stdout + done.stderr
