import json
import shutil
from pathlib import Path

import pytest

from ards import CID, SMALL, contents, damage, rows, write_ard
from potato.chips.make import make_chips
from potato.errors import ArdError
from potato.raster import remote
from servers import FolderServer, serve_bucket, serve_folder


@pytest.fixture(scope="module")
def sharp(tmp_path_factory) -> Path:
    """Two tiles whose files are large beside what a chip needs of them."""
    root = tmp_path_factory.mktemp("event") / "ard"
    write_ard(root, 2, 1, side=340)
    links = []
    for item in sorted(root.rglob("*.json")):
        links.append({"rel": "item", "href": f"../{item.relative_to(root).as_posix()}"})
    folder = root / "acquisition_collections"
    folder.mkdir()
    (folder / f"{CID}_collection.json").write_text(json.dumps({"links": links}))
    event = {"links": [{"rel": "child", "href": f"./ard/acquisition_collections/{CID}_collection.json"}]}
    (root.parent / "collection.json").write_text(json.dumps(event))
    return root.parent


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(remote, "PAUSES", (0.01, 0.01))
    # GDAL asks for many ranges at once.
    monkeypatch.setattr(FolderServer, "request_queue_size", 128)


def test_bucket_web_and_folder_give_identical_chips(sharp, tmp_path):
    make_chips(sharp, tmp_path / "folder", count=5, **SMALL)
    expected = contents(tmp_path / "folder")
    with serve_bucket(sharp) as address:
        bucket = make_chips(address, tmp_path / "bucket", count=5, **SMALL)
    assert contents(tmp_path / "bucket") == expected
    with serve_folder(sharp) as server:
        web = make_chips(server.url, tmp_path / "web", count=5, **SMALL)
        sent = server.sent
    assert contents(tmp_path / "web") == expected
    assert bucket.bytes_moved and web.bytes_moved
    # A fifth of the ground: what moves is the blocks under the windows, and little else.
    files = sum(path.stat().st_size for path in sharp.rglob("*.tif"))
    blocks = 5 * (6**2 * 2 * 64**2 + 2**2 * 8 * 2 * 64**2)
    headers = 4 * 64 * 1024
    assert web.bytes_moved <= sent < blocks + headers < files / 2
    assert bucket.bytes_moved < blocks + headers
    assert "MB moved" in str(web)


def test_a_failing_server_stops_the_run_and_resume_gives_identical_chips(sharp, tmp_path):
    make_chips(sharp, tmp_path / "folder", count=5, **SMALL)
    with serve_folder(sharp) as server:
        server.faults[r".*-pan\.tif"] = 503
        with pytest.raises(ArdError, match="repeat the command later"):
            make_chips(server.url, tmp_path / "web", count=5, **SMALL)
        server.faults.clear()
        assert not list((tmp_path / "web").glob("*.pt"))
        make_chips(server.url, tmp_path / "web", count=5, **SMALL)
    assert contents(tmp_path / "web") == contents(tmp_path / "folder")


@pytest.mark.parametrize("failing", [(1,), (2,), (3,), (4,), (6, 9), (8,), (13, 14)])
def test_transient_network_errors_change_no_chip(sharp, tmp_path, monkeypatch, failing):
    make_chips(sharp, tmp_path / "folder", count=2, **SMALL)
    with serve_folder(sharp) as server:
        asked = iter(range(1, 1_000_000))
        monkeypatch.setattr(
            server, "fault", lambda path: 503 if path.endswith(".tif") and next(asked) in failing else None
        )
        result = make_chips(server.url, tmp_path / "web", count=2, workers=1, **SMALL)
    assert contents(tmp_path / "web") == contents(tmp_path / "folder")
    assert not result.passed


def test_a_damaged_file_is_skipped_alike_on_the_web_and_in_a_folder(sharp, tmp_path):
    event = shutil.copytree(sharp, tmp_path / "event")
    for pan in event.rglob("*-pan.tif"):
        damage(pan)
    make_chips(event, tmp_path / "folder", count=4, **SMALL)
    with serve_folder(event) as server:
        result = make_chips(server.url, tmp_path / "web", count=4, **SMALL)
    assert result.passed.keys() == {"damaged"}
    assert contents(tmp_path / "web") == contents(tmp_path / "folder")


def test_items_that_cannot_be_fetched_stop_the_run(sharp, tmp_path):
    item = next(sharp.rglob(f"{CID}.json")).relative_to(sharp)
    with serve_folder(sharp) as server:
        server.faults[f"/{item.as_posix()}"] = 503
        with pytest.raises(ArdError, match="depend on every item"):
            make_chips(server.url, tmp_path / "chips", count=1, **SMALL)
        server.faults[f"/{item.as_posix()}"] = 404
        result = make_chips(server.url, tmp_path / "chips", count=1, **SMALL)
    assert result.skipped == {"can't be read: the server says 404 Not Found": 1}


def test_a_file_missing_on_the_web_is_skipped(sharp, tmp_path):
    gone = next(sharp.rglob("*-pan.tif")).relative_to(sharp)
    with serve_folder(sharp) as server:
        server.faults[f"/{gone.as_posix()}"] = 404
        result = make_chips(server.url, tmp_path, count=5, **SMALL)
    assert result.made == 5 and result.passed == {"unreadable": 1}
    assert {row["quadkey"] for row in rows(tmp_path)} != {gone.parts[-3]} and len(rows(tmp_path)) == 5
