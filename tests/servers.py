"""Servers on loopback for tests: a folder over HTTP with ranges, and a folder in a real S3 bucket.

with serve_folder(path) as server:
    server.url              # http://127.0.0.1:…/
    server.sent             # bytes of bodies sent so far
    server.faults["/a.tif"] = 404
    server.faults["/b.tif"] = Fault("cut", times=2)
    server.redirects["/.*tif"] = "http://…"

with serve_bucket(path) as address:
    address                 # s3://ard; the environment is set so that GDAL and obstore find it

with serve_bucket(path) as address, spoil_bucket() as server:
    server.faults["/ard/a.tif"] = 503    # the same faults between GDAL or obstore and the bucket
"""

import contextlib
import http.client
import http.server
import logging
import os
import re
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock
from urllib.parse import unquote


@dataclass
class Fault:
    """A fault while a file is sent.

    Attributes:
        kind: `cut`: half the body, then the end of the connection; `reset`: half the body, then a
            reset; `trickle`: a byte every 50 ms; `hang`: nothing, until the server stops; or an
            HTTP status.
        times: how often it happens; None for always.
        met: set when a request meets it.
    """

    kind: str | int
    times: int | None = None
    met: threading.Event = field(default_factory=threading.Event)


class FolderServer(http.server.ThreadingHTTPServer):
    """Serves the files below a folder; understands `Range: bytes=a-b`, and lists nothing.

    Attributes:
        url: address of the folder, ending in a slash.
        sent: bytes of bodies sent.
        requests: (method, path, range or None, status) of each request answered.
        faults: a fault, or an HTTP status to answer, by path (beginning with a slash) or by a
            regular expression that matches a whole path.
        redirects: addresses to redirect requests to, by regular expressions of paths; the path is
            appended.
        closing: set when the server stops.
    """

    daemon_threads = True
    # GDAL asks for many ranges at once, and a connection that is dropped comes back only after a
    # second.
    request_queue_size = 128
    raw = False

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self.sent = 0
        self.requests: list[tuple[str, str, str | None, int]] = []
        self.faults: dict[str, Fault | int] = {}
        self.redirects: dict[str, str] = {}
        self.closing = threading.Event()
        self._lock = threading.Lock()

    def count(self, request: tuple[str, str, str | None, int], size: int) -> None:
        with self._lock:
            self.requests.append(request)
            self.sent += size

    def fault(self, path: str) -> str | int | None:
        """The fault of this request, if it has one."""
        found = next((fault for which, fault in self.faults.items() if re.fullmatch(which, path)), None)
        if not isinstance(found, Fault):
            return found
        with self._lock:
            if found.times == 0:
                return None
            if found.times:
                found.times -= 1
        found.met.set()
        return found.kind

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer to a request for a path."""
        for which, address in self.redirects.items():
            if re.fullmatch(which, path):
                return 302, {"Location": address.rstrip("/") + path}, b""
        file = self.folder / path.lstrip("/")
        if not file.is_file() or ".." in path.split("/"):
            return 404, {}, b""
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
        if not found:
            return 200, {}, file.read_bytes()
        first, whole = int(found[1]), file.stat().st_size
        last = min(int(found[2] or whole - 1), whole - 1)
        if first >= whole:
            return 416, {}, b""
        with file.open("rb") as opened:
            opened.seek(first)
            part = opened.read(last + 1 - first)
        return 206, {"Content-Range": f"bytes {first}-{last}/{whole}"}, part

    def handle_error(self, request, client_address) -> None:
        """Nothing: GDAL closes connections early."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms between headers and body
    server: FolderServer

    def do_GET(self) -> None:
        path = unquote(self.path.split("?")[0])
        fault = self.server.fault(path)
        if isinstance(fault, int):
            status, headers, body = fault, {}, b""
        else:
            asked = {name.lower(): value for name, value in self.headers.items()}
            status, headers, body = self.server.answer(self.path if self.server.raw else path, asked)
        size = 0 if self.command == "HEAD" else len(body)
        self.server.count((self.command, path, self.headers.get("Range"), status), size)
        if fault == "hang":
            self.server.closing.wait()
            return
        self.send_response(status)
        length = str(len(body))
        for name, value in {"Accept-Ranges": "bytes", "Content-Length": length, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send(body, fault)

    def _send(self, body: bytes, fault: str | int | None) -> None:
        if fault == "trickle":
            for place in range(len(body)):
                if self.server.closing.wait(0.05):
                    return
                self.wfile.write(body[place : place + 1])
        self.wfile.write(body[: len(body) // 2] if fault in ("cut", "reset") else body)
        if fault == "reset":
            # A socket closed with no time to linger resets the connection.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault in ("cut", "reset"):
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815  (its name is http.server's)

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


class _Proxy(FolderServer):
    """Passes requests on to another server unchanged."""

    raw = True

    def __init__(self, target: str) -> None:
        super().__init__(Path())
        self.target = target

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.target)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={**headers, "connection": "close"})
            found = connection.getresponse()
            skipped = ("connection", "transfer-encoding", "date", "server")
            kept = {name.title(): text for name, text in found.getheaders() if name.lower() not in skipped}
            return found.status, kept, found.read()


@contextlib.contextmanager
def serve_folder(folder: str | os.PathLike[str]) -> Iterator[FolderServer]:
    """Serve a folder over HTTP while inside."""
    with _serving(FolderServer(Path(folder))) as server:
        yield server


@contextlib.contextmanager
def spoil_bucket() -> Iterator[FolderServer]:
    """Put a server with faults before the bucket of an enclosing `serve_bucket`."""
    with _serving(_Proxy(os.environ["AWS_S3_ENDPOINT"])) as server:
        host = server.url.removeprefix("http://").rstrip("/")
        with mock.patch.dict(os.environ, {"AWS_S3_ENDPOINT": host}):
            yield server


@contextlib.contextmanager
def _serving(server: FolderServer) -> Iterator[FolderServer]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    quick = {"GDAL_HTTP_MAX_RETRY": "0", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    try:
        with mock.patch.dict(os.environ, quick):
            yield server
    finally:
        server.closing.set()
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
            # Moto keeps its buckets for the life of the process, also when the server stops.
            for file in client.list_objects_v2(Bucket=name).get("Contents", ()):
                client.delete_object(Bucket=name, Key=file["Key"])
            client.delete_bucket(Bucket=name)
    finally:
        server.stop()
