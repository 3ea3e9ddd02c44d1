"""What the server answers, and whom."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio

import ards
import pairs
from pictures import decode, write_picture
from potato import fuse_ard
from potato.errors import InputError, OutputError
from potato.fusion.ard.summary import FusedArd
from potato.raster.layer import Reading
from potato.raster.web_mosaic import HALF_WORLD, zoom_pixel
from potato.serving import painter, waiting
from potato.serving.live_map import live
from potato.serving.mercator import project
from potato.serving.opening import open_catalogue
from potato.serving.painter import Painter, Subject
from potato.serving.server import Server
from serving_requests import ask

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture(scope="module")
def address(event):
    with Server([event]) as server:
        yield server.address


@pytest.fixture(scope="module")
def source(address):
    return ask(address, "source.json").json


def inside(source: dict) -> tuple[float, float]:
    """Longitude and latitude inside the first tile of both passes."""
    west, _, _, north = source["passes"][0]["bounds"]
    return west + 0.02, north - 0.02


@pytest.fixture(scope="module")
def place(source) -> tuple[int, int, int]:
    """A web tile inside the ground of both passes."""
    x, y = project(*inside(source))
    zoom = 14
    size = 2 * HALF_WORLD / 2**zoom
    return zoom, int((x + HALF_WORLD) // size), int((HALF_WORLD - y) // size)


class TestFacts:
    def test_the_source_is_described(self, source, event):
        assert (source["title"], source["kind"], source["output"]) == ("ard", "ard", None)
        assert [view["name"] for view in source["views"]] == ["sharp", "plain", "pan", "composite"]
        assert [look["name"] for look in source["looks"]] == ["natural", "clear", "vivid", "flat"]
        assert source["weights"][0] == {"name": "default", "title": "Those of the sensor"}
        assert source["minzoom"] <= 10 and 12 <= source["maxzoom"] <= 14  # pixels of 20 m
        passes = {one["id"]: one for one in source["passes"]}
        assert passes.keys() == {ards.CID, ards.OTHER}
        one = passes[ards.CID]
        assert (one["sensor"], one["tiles"], one["broken"]) == ("WorldView-2", 3, 1)
        assert one["date"] == "2024-12-14" and one["event"] == event.parent.name
        assert passes[ards.OTHER]["clouds"] == pytest.approx(30, abs=1)

    def test_footprints_say_what_is_broken(self, address):
        found = ask(address, "footprints.geojson")
        assert found.headers["content-type"].startswith("application/geo+json")
        reasons = {one["id"]: one["properties"]["reason"] for one in found.json["features"]}
        assert len(reasons) == 6 and "JSON" in reasons["lost-0"]
        assert [bool(reason) for reason in reasons.values()].count(False) >= 3
        assert any("missing file" in (reason or "") for reason in reasons.values())
        ring = next(one["geometry"] for one in found.json["features"] if one["geometry"])["coordinates"][0]
        assert ring[0] == ring[-1] and -180 < ring[0][0] < 180

    def test_a_tile_that_cannot_be_opened_is_greyed_and_empty(self, address, source):
        one = next(each for each in source["passes"] if each["id"] == ards.OTHER)
        assert ask(address, one["thumbnail"].lstrip("/")).status == 200
        features = ask(address, "footprints.geojson").json["features"]
        own = [each["properties"] for each in features if each["properties"]["pass"] == ards.OTHER]
        assert sorted(bool(each["reason"]) for each in own) == [False, True]
        assert "can't open pan" in next(each["reason"] for each in own if each["reason"])

    def test_a_point_has_counts_reflectance_and_colour(self, address, source):
        lon, lat = inside(source)
        found = ask(address, f"point?lon={lon}&lat={lat}&pass={ards.CID}").json
        assert found["pass"] == ards.CID and found["sensor"] == "WorldView-2"
        assert found["time"] == "2024-12-14T18:53:50Z" and re.fullmatch("[0-3]{12}", found["quadkey"])
        assert list(found["counts"])[:3] == ["pan", "coastal", "blue"] and len(found["counts"]) == 9
        assert found["reflectance"]["pan"] == pytest.approx(found["counts"]["pan"] / 10_000)
        assert re.fullmatch("#[0-9a-f]{6}", found["colour"]["hex"]) and 0 < found["colour"]["oklab"][0] < 1
        assert ask(address, "point?lon=0&lat=0").status == 404


class TestWebTiles:
    def test_the_best_pass_is_shown(self, address, place):
        zoom, column, row = place
        path = f"tiles/{zoom}/{column}/{row}.png"
        best, clear, cloudy = (
            decode(ask(address, path + query).body)
            for query in ("", f"?pass={ards.CID}", f"?pass={ards.OTHER}")
        )
        assert best[3].any() if len(best) == 4 else best.any()
        assert np.array_equal(best, clear) and not np.array_equal(best, cloudy)

    @pytest.mark.parametrize(
        "query, shown",
        [
            ("sensor=WorldView-3", ards.OTHER),
            ("clouds=50", ards.CID),
            ("from=2024-12-15", ards.OTHER),
            ("to=2024-12-14", ards.CID),
            ("from=2025-01-01", None),
        ],
    )
    def test_filters_choose_among_the_passes(self, address, place, query, shown):
        zoom, column, row = place
        body = ask(address, f"tiles/{zoom}/{column}/{row}.png?{query}").body
        if shown is None:
            assert not decode(body).any()
        else:
            assert body == ask(address, f"tiles/{zoom}/{column}/{row}.png?pass={shown}").body

    @pytest.mark.parametrize("kind, start", [("png", b"\x89PNG"), ("webp", b"RIFF"), ("jpg", b"\xff\xd8")])
    def test_formats(self, address, place, kind, start):
        zoom, column, row = place
        answer = ask(address, f"tiles/{zoom}/{column}/{row}.{kind}?look=clear&exposure=-0.5&contrast=1.2")
        assert answer.status == 200 and answer.body.startswith(start)
        assert answer.headers["content-type"] == {"jpg": "image/jpeg"}.get(kind, f"image/{kind}")

    def test_invalid_ground_is_empty(self, address):
        answer = ask(address, "tiles/14/3/3.png")
        assert answer.status == 200 and not decode(answer.body).any()

    def test_eight_clients_at_once_get_what_one_gets(self, address, place):
        zoom, column, row = place
        paths = [
            f"tiles/{zoom}/{column + i}/{row}.png?view={view}" for i in (0, 1) for view in ("sharp", "pan")
        ]
        alone = [ask(address, path) for path in paths]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda path: ask(address, path), 4 * paths))
        assert {answer.status for answer in together} == {200}
        assert [answer.body for answer in together] == 4 * [answer.body for answer in alone]

    def test_programs_find_web_tiles_by_tilejson_wmts_and_stac(self, address, place):
        zoom, column, row = place
        query = f"?pass={ards.CID}&look=clear"
        expected = ask(address, f"tiles/{zoom}/{column}/{row}.png{query}").body
        found = ask(address, f"tilejson.json{query}").json
        assert found["tilejson"] == "3.0.0" and found["minzoom"] <= found["maxzoom"]
        link = found["tiles"][0].format(z=zoom, x=column, y=row)
        assert ask(link, "").body == expected
        capabilities = ElementTree.fromstring(
            ask(address, f"wmts{query}&SERVICE=WMTS&REQUEST=GetCapabilities").body
        )
        space = "{http://www.opengis.net/wmts/1.0}"
        templates = [one.get("template") for one in capabilities.iter(f"{space}ResourceURL")]
        assert len(templates) == 4
        link = templates[0].format(TileMatrix=zoom, TileCol=column, TileRow=row)
        assert ask(link, "").body == expected

    def test_wmts_takes_parameters_in_any_case(self, address, place):
        zoom, column, row = place
        body = ask(address, "wmts?look=clear&service=WMTS&Request=GetCapabilities&AcceptVersions=1.0.0").body
        assert ask(address, "wmts/1.0.0/WMTSCapabilities.xml?look=clear").body == body
        capabilities = ElementTree.fromstring(body)
        ows, link = "{http://www.opengis.net/ows/1.1}", "{http://www.w3.org/1999/xlink}href"
        operations = {one.get("name"): one for one in capabilities.iter(f"{ows}Operation")}
        assert operations.keys() == {"GetCapabilities", "GetTile"}
        assert [value.text for value in operations["GetTile"].iter(f"{ows}Value")] == ["KVP"]
        service = next(operations["GetTile"].iter(f"{ows}Get")).get(link)
        wanted = "Service=WMTS&REQUEST=GetTile&version=1.0.0&style=default&Format=image/png"
        wanted += f"&TileMatrixSet=GoogleMapsCompatible&TILEMATRIX={zoom}&TileCol={column}&tilerow={row}"
        answer = ask(f"{service}{wanted}&LAYER=composite", "")
        expected = ask(address, f"tiles/{zoom}/{column}/{row}.png?look=clear&view=composite")
        assert answer.headers["content-type"] == "image/png" and answer.body == expected.body
        for wrong in ("", "&LAYER=secret"):
            refused = ask(service + wanted + wrong, "")
            assert refused.status == 400 and refused.json["error"].startswith("layer: ")

    def test_gdal_reads_the_pixels_of_web_tiles_by_wmts(self, address, source, monkeypatch, tmp_path):
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        x, y = project(*inside(source))
        name = f"WMTS:{address}wmts?look=clear,layer=sharp"
        with rasterio.Env(GDAL_DEFAULT_WMS_CACHE_PATH=str(tmp_path)), rasterio.open(name) as layer:
            assert layer.crs == "EPSG:3857"
            (found,) = layer.sample([(x, y)])
            zoom = round(np.log2(zoom_pixel(0) / layer.res[0]))
        size = 2 * HALF_WORLD / 2**zoom
        across, down = (x + HALF_WORLD) / size, (HALF_WORLD - y) / size
        body = ask(address, f"tiles/{zoom}/{int(across)}/{int(down)}.png?look=clear").body
        expected = decode(body)[:, int(down % 1 * 256), int(across % 1 * 256)]
        assert expected[:3].any() and found[:3].tolist() == expected[:3].tolist()

    def test_the_items_are_stac(self, address):
        pystac = pytest.importorskip("pystac")
        collection = ask(address, "stac").json
        items = [pystac.Item.from_dict(one) for one in collection["features"]]
        assert len(items) >= 3 and all(item.geometry and item.bbox for item in items)
        assert all(asset.href.startswith(address) for item in items for asset in item.assets.values())


class TestRefusals:
    @pytest.mark.parametrize(
        "path, status",
        [
            ("tiles/25/0/0.png", 404),
            ("tiles/3/8/0.png", 404),
            ("tiles/3/-1/0.png", 404),
            (f"tiles/3/{10**30}/0.png", 404),
            ("tiles/99999999999999999999/0/0.png", 404),
            ("tiles/3/a/0.png", 400),
            ("tiles/3/0/0.tif", 400),
            ("tiles/3/0/0.png?pass=nobody", 404),
            ("tiles/3/0/0.png?pass=../../etc/passwd", 404),
            ("tiles/3/0/0.png?weights=/etc/passwd", 404),
            ("tiles/3/0/0.png?weights=https://example.com/x", 404),
            ("tiles/3/0/0.png?picture=../secret", 404),
            ("tiles/3/0/0.png?url=https://example.com/x.tif", 400),
            ("tiles/3/0/0.png?view=everything", 400),
            ("tiles/3/0/0.png?clouds=101", 400),
            ("tiles/3/0/0.png?from=yesterday", 400),
            ("tiles/3/0/0.png?exposure=nan", 400),
            ("tiles/3/0/0.png?exposure=inf", 400),
            ("tiles/3/0/0.png?contrast=0", 400),
            ("tilejson.json?url=x", 400),
            ("wmts?look=x", 400),
            ("point?lon=1e400&lat=0", 400),
            ("point?lon=0", 400),
            ("thumbnails/..%2f..%2fx.webp", 404),
            ("thumbnails/nobody.webp", 404),
            ("static/../server.py", 404),
            ("static/..%2f..%2fserver.py", 404),
            ("jobs/x/picture.tif", 404),
            ("jobs/..%2f..%2fx/picture.tif", 404),
            ("nothing", 404),
            ("docs", 404),
            ("openapi.json", 404),
        ],
    )
    def test_what_the_command_line_did_not_name_is_refused_in_one_line(self, address, path, status):
        answer = ask(address, path)
        assert answer.status == status
        reason = answer.json["error"]
        assert reason and "\n" not in reason and "Traceback" not in reason

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost:1", ""])
    def test_other_hosts_are_refused(self, address, host):
        assert ask(address, "source.json", Host=host).status == 403

    def test_localhost_is_answered(self, address):
        port = address.split(":")[-1].strip("/")
        assert ask(address, "source.json", Host=f"localhost:{port}").status == 200

    @pytest.mark.parametrize(
        "headers, data, status",
        [
            ({"Origin": "http://evil.example"}, {}, 403),
            ({"Origin": "null"}, {}, 403),
            ({"Content_Type": "text/plain"}, {}, 415),
            # Only announced: the answer comes before the body would, which then can't be sent.
            ({"Content_Length": str((1 << 20) + 2)}, {}, 413),
            ({}, b"{", 400),
            ({}, {"area": {"type": "Point", "coordinates": [0, 0]}}, 400),
            ({}, {"area": None, "path": "/tmp/x"}, 400),
        ],
    )
    def test_other_pages_and_other_bodies_change_nothing(self, address, headers, data, status):
        assert ask(address, "jobs", "POST", data, **headers).status == status

    def test_without_an_output_there_are_no_jobs(self, address):
        square = [[[0, 0], [1, 0], [1, 1], [0, 0]]]
        answer = ask(address, "jobs", "POST", {"area": {"type": "Polygon", "coordinates": square}})
        assert answer.status == 409 and "--output" in answer.json["error"]
        assert ask(address, "jobs").json == []

    def test_answers_carry_a_policy_and_no_permission_for_others(self, address):
        headers = ask(address, "source.json", Origin="http://evil.example").headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


def test_cors_lets_others_read_and_no_more(pair):
    with Server([pair.pan, pair.mul], cors=True) as server:
        headers = ask(server.address, "source.json", Origin="http://other.example").headers
        assert headers["access-control-allow-origin"] == "*"
        assert ask(server.address, "jobs", "POST", {}, Origin="http://other.example").status == 403


def test_lines_tell_how_much_of_a_source_is_found(event, monkeypatch):
    monkeypatch.setattr(waiting, "FIRST", 0.0)
    lines = []
    with Server([event], say=lines.append):
        pass
    assert re.fullmatch(rf"{re.escape(str(event))}: finding what there is(, \d tiles so far)?", lines[0])


def test_sources_of_several_kinds_are_shown_together(pair, tmp_path):
    codes = np.full((3, 40, 60), 200, "uint8")
    picture = write_picture(tmp_path / "finished.tif", codes, np.ones((40, 60), bool))
    with Server([picture, pair.pan, pair.mul]) as server:
        source = ask(server.address, "source.json").json
        assert source["kind"] == "pair" and [view["name"] for view in source["views"]][-1] == "picture"
        views = {one["id"]: one["views"] for one in source["passes"]}
        assert views == {"finished.tif": ["picture"], "x-pan.tif": ["sharp", "plain", "pan", "composite"]}
        refused = ask(server.address, "tiles/0/0/0.png?view=picture&pass=x-pan.tif")
        assert refused.status == 400 and "expected sharp, plain" in refused.json["error"]
        assert all(ask(server.address, one["thumbnail"][1:]).body for one in source["passes"])


def test_a_folder_that_fuse_ard_made_is_shown_by_passes(event, tmp_path):
    made = fuse_ard(event, tmp_path / "out", cids=[ards.CID], weights="predictor", workers=0)
    assert isinstance(made, FusedArd) and made.done == 2
    manifest = tmp_path / "out" / "manifest.jsonl"
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    stolen = {**next(one for one in lines if one.get("state") == "done"), "file": "../secret.tif"}
    stolen["tile"] = stolen["tile"].replace(ards.CID, "1030010000000C00")
    manifest.write_text(manifest.read_text() + json.dumps(stolen) + "\n")
    with Server([tmp_path / "out"]) as server:
        source = ask(server.address, "source.json").json
        (one,) = source["passes"]
        assert (one["id"], one["tiles"], one["date"]) == (ards.CID, 2, "2024-12-14")
        assert one["views"] == ["picture"] and one["sensor"] == "WorldView-2" and one["clouds"] == 0
        found = ask(server.address, "footprints.geojson").json["features"]
        assert [feature["properties"]["reason"] for feature in found[:2]] == [None, None]
        assert "outside of the folder" in found[2]["properties"]["reason"]
        assert decode(ask(server.address, one["thumbnail"][1:]).body)[:3].any()


@pytest.mark.parametrize(
    "names, reason", [((), "expected something to show"), (("pan",), "expected its mul")]
)
def test_what_cannot_be_shown_is_refused(pair, names, reason):
    with pytest.raises(InputError, match=reason):
        Server([pair.pan for _ in names])


def test_a_picture_without_a_place_is_refused(tmp_path):
    path = pairs.write(tmp_path / "x.tif", np.zeros((3, 8, 8), "uint8"), crs=None, photometric="RGB")
    with pytest.raises(InputError, match="a CRS"):
        Server([path])


def test_a_port_in_use_is_refused(pair):
    with Server([pair.pan, pair.mul]) as server:
        port = int(server.address.split(":")[-1].strip("/"))
        with pytest.raises(OutputError, match=f"found {port} in use"):
            Server([pair.pan, pair.mul], port=port)


def test_the_command_prints_its_address_opens_it_and_ends_by_an_interruption(pair, tmp_path, monkeypatch):
    opener, opened = tmp_path / "xdg-open", tmp_path / "opened"
    opener.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    command = [sys.executable, "-m", "potato", "serve", str(pair.pan), str(pair.mul), "--port", "0", "--open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        assert json.loads(ask(address, "source.json").body)["kind"] == "pair"
        for _ in range(3000 if sys.platform == "linux" else 0):
            if opened.exists():
                break
            time.sleep(0.02)
        assert sys.platform != "linux" or opened.read_text() == f"{address}\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "stopped\n" and process.wait(30) == 0


def test_a_server_is_stopped_once(pair):
    server = Server([pair.pan, pair.mul])
    server.stop()
    server.stop()
    with pytest.raises(OSError, match="refused"):
        ask(server.address, "source.json")
    assert Path(pair.pan).exists()


def test_a_live_map_is_a_frame_that_notebooks_of_this_machine_may_show(pair):
    with live(pair.pan, pair.mul) as view:
        assert f'src="{view.address}"' in view._repr_html_()
        policy = ask(view.address, "source.json").headers["content-security-policy"]
        assert "frame-ancestors 'self' http://localhost:*" in policy
        link = view.web_tiles(look="clear", pass_="x-pan.tif").format(z=0, x=0, y=0)
        assert ask(link, "").status == 200
    assert repr(view) == "LiveMap(stopped)" and "iframe" not in view._repr_html_()


def test_ground_of_too_many_tiles_is_empty(event, monkeypatch):
    with open_catalogue([str(event)], Reading()) as catalogue:
        drawn = Painter(catalogue, {})
        assert drawn.web_tile(8, 44, 100, Subject()).any()
        monkeypatch.setattr(painter, "MOST_ENTRIES", 1)
        many = Painter(catalogue, {})
        assert not many.web_tile(8, 44, 100, Subject()).any()
        many.close()
        drawn.close()
