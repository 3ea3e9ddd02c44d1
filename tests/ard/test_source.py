import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ards import without_addresses
from potato.ard import source
from potato.ard.broken import Broken
from potato.ard.walk import walk_ard
from potato.errors import ArdError
from servers import serve_bucket, serve_folder


@pytest.fixture(scope="module")
def bucket(walked_event):
    with serve_bucket(walked_event) as address:
        yield address


@pytest.mark.parametrize("start", ["", "ard", "ard/", "collection.json"])
def test_a_web_server_gives_the_same_tiles(walked_event, start):
    with serve_folder(walked_event) as server:
        found = list(walk_ard(server.url + start))
        sent = server.sent
    gone = [
        tile for tile in found if tile.mul and not (walked_event / tile.mul.removeprefix(server.url)).exists()
    ]
    # Whether a file is there shows on the web only when it is read.
    assert len(gone) == 1
    place = found.index(gone[0])
    remote = without_addresses(found, server.url)
    local = without_addresses(walk_ard(str(walked_event)), walked_event)
    assert remote[:place] + remote[place + 1 :] == local[:place] + local[place + 1 :]
    json_bytes = sum(path.stat().st_size for path in walked_event.rglob("*.json"))
    assert sent < 2 * json_bytes


@pytest.mark.parametrize("start", ["", "/", "/ard", "/ard/"])
def test_a_bucket_gives_the_same_tiles(walked_event, bucket, start):
    found = list(walk_ard(bucket + start))
    assert without_addresses(found, bucket) == without_addresses(walk_ard(str(walked_event)), walked_event)
    assert found[0].pan.startswith("s3://ard/ard/")


def test_a_missing_bucket_or_prefix_is_an_error(bucket):
    with pytest.raises(ArdError, match="found none"):
        walk_ard(bucket + "/nowhere")
    with pytest.raises(ArdError, match="can't list s3://other/"):
        walk_ard("s3://other/ard")


def test_a_bucket_without_obstore_names_the_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ArdError, match=r"pip install 'potato-pansharp\[s3\]'"):
        walk_ard("s3://bucket/ard")


def test_buckets_use_the_settings_of_gdal(monkeypatch):
    for name in ("AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "NO")
    assert source._bucket_settings("any") == {"region": "eu-west-1"}
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    monkeypatch.setenv("AWS_S3_ENDPOINT", "127.0.0.1:9")
    monkeypatch.setenv("AWS_HTTPS", "NO")
    found = source._bucket_settings("any")
    assert found["skip_signature"] and found["endpoint"] == "http://127.0.0.1:9"


def test_a_web_address_without_a_collection_is_an_error(walked_event):
    with (
        serve_folder(walked_event) as server,
        pytest.raises(ArdError, match=r"expected a collection.json .*404.* give the address of the event"),
    ):
        walk_ard(server.url + "ard/33")


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (503, 3)])
def test_items_that_a_server_refuses_are_reported_and_the_rest_read(walked_event, status, tries):
    with serve_folder(walked_event) as server:
        server.faults[r"/ard/33/.*2023-05-16/.*\.json"] = status
        found = list(walk_ard(server.url))
    broken = [one for one in found if isinstance(one, Broken)]
    assert len(found) == 10 and len(broken) == 2
    assert all(f"the server says {status}" in one.reason for one in broken)
    asked = [path for _, path, _, answer in server.requests if answer == status]
    assert len(asked) == 2 * tries


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("nowhere", "found nothing there"),
        ("file.txt", "found a file there"),
        ("empty", "found none; give the ard folder .*; a vendor's order is for potato fuse"),
        ("gs://bucket/ard", "expected a folder, s3://… or https://…"),
        ("/vsis3/bucket/ard", "expected a folder, s3://… or https://…"),
    ],
)
def test_a_folder_or_address_without_an_ard_is_an_error(tmp_path, monkeypatch, where, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArdError, match=message):
        walk_ard(where)


class Refusing(BaseHTTPRequestHandler):
    """A bucket that gives nothing away, or only the names of what it holds."""

    lists = False

    def do_GET(self):
        key = "11/031133301100/2024-12-14/1030010000000A00.json"
        entry = f"<Key>{key}</Key><LastModified>2024-12-14T00:00:00.000Z</LastModified><Size>2</Size>"
        listed = self.lists and "list-type=2" in self.path
        body = "<Error><Code>AccessDenied</Code></Error>"
        if listed:
            body = f"<IsTruncated>false</IsTruncated><Contents>{entry}</Contents>"
            body = f"<ListBucketResult>{body}</ListBucketResult>"
        self.send_response(200 if listed else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("lists", [False, True])
def test_a_bucket_that_refuses_ends_in_one_line_about_credentials(monkeypatch, run, lists):
    monkeypatch.setattr(Refusing, "lists", lists)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = {"AWS_S3_ENDPOINT": f"127.0.0.1:{server.server_port}", "AWS_HTTPS": "NO"}
    for name, value in (settings | {"AWS_NO_SIGN_REQUEST": "YES", "no_proxy": "127.0.0.1"}).items():
        monkeypatch.setenv(name, value)
    try:
        failed = run("ls", "s3://private/event")
    finally:
        server.shutdown()
        server.server_close()
    assert (failed.exit_code, failed.stdout, len(failed.stderr.splitlines())) == (1, "", 1)
    assert "the bucket refuses (403" in failed.stderr and "AWS_ACCESS_KEY_ID" in failed.stderr
