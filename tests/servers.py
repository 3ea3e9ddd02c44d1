"""Servers on loopback for tests: a folder over HTTP with ranges, and a folder in a real S3 bucket.

with serve_folder(path) as server:
    server.url              # http://127.0.0.1:…/
    server.sent             # bytes of bodies sent so far
    server.faults["/a.tif"] = 404

with serve_bucket(path) as address:
    address                 # s3://ard; the environment is set so that GDAL and obstore find it
"""

import contextlib
import http.server
import logging
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest import mock
from urllib.parse import unquote


class FolderServer(http.server.ThreadingHTTPServer):
    """Serves the files below a folder; understands `Range: bytes=a-b`, and lists nothing.

    Attributes:
        url: address of the folder, ending in a slash.
        sent: bytes of bodies sent.
        requests: (method, path, range or None, status) of each request answered.
        faults: a status to answer instead, by path (beginning with a slash) or by a regular expression
            that matches all of one.
    """

    daemon_threads = True
    # GDAL asks for many ranges at once, and a connection that is dropped comes back only after a second.
    request_queue_size = 128

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self.sent = 0
        self.requests: list[tuple[str, str, str | None, int]] = []
        self.faults: dict[str, int] = {}
        self._lock = threading.Lock()

    def count(self, request: tuple[str, str, str | None, int], size: int) -> None:
        with self._lock:
            self.requests.append(request)
            self.sent += size

    def fault(self, path: str) -> int | None:
        return next((status for which, status in self.faults.items() if re.fullmatch(which, path)), None)

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up early, as GDAL does, is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms between headers and body
    server: FolderServer

    def do_GET(self) -> None:
        path = unquote(self.path.split("?")[0])
        wanted = self.headers.get("Range")
        file = self.server.folder / path.lstrip("/")
        status = self.server.fault(path) or (200 if file.is_file() and ".." not in path.split("/") else 404)
        body, place = b"", None
        if status == 200:
            body = file.read_bytes()
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
            if found:
                first, whole = int(found[1]), len(body)
                last = min(int(found[2] or whole - 1), whole - 1)
                status, place = (206, f"bytes {first}-{last}/{whole}") if first < whole else (416, None)
                body = body[first : last + 1] if status == 206 else b""
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        if place:
            self.send_header("Content-Range", place)
        self.end_headers()
        if self.command == "HEAD":
            body = b""
        self.server.count((self.command, path, wanted, status), len(body))
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def serve_folder(folder: str | os.PathLike[str]) -> Iterator[FolderServer]:
    """Serve a folder over HTTP while inside."""
    server = FolderServer(Path(folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    quick = {"GDAL_HTTP_MAX_RETRY": "0", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    try:
        with mock.patch.dict(os.environ, quick):
            yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def serve_bucket(folder: str | os.PathLike[str], name: str = "ard") -> Iterator[str]:
    """Put a folder into a bucket of a real S3 server (moto) and serve it while inside."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_S3_ENDPOINT": f"{host}:{port}",
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "AWS_NO_SIGN_REQUEST": "YES",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    try:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://{host}:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_bucket(Bucket=name, ACL="public-read")
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file():
                client.put_object(
                    Bucket=name,
                    Key=file.relative_to(folder).as_posix(),
                    Body=file.read_bytes(),
                    ACL="public-read",
                )
        try:
            with mock.patch.dict(os.environ, settings):
                yield f"s3://{name}"
        finally:
            # The server forgets nothing while the process lives, not even when it stops.
            for file in client.list_objects_v2(Bucket=name).get("Contents", ()):
                client.delete_object(Bucket=name, Key=file["Key"])
            client.delete_bucket(Bucket=name)
    finally:
        server.stop()
