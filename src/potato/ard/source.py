"""Sources of an ARD: a folder, a bucket, or a web server; listing and reading of small files."""

import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import rasterio

from potato.ard.broken import Broken, Refused, Unreachable
from potato.ard.item import LinkError
from potato.core.installation import install_command
from potato.core.text import one_line
from potato.errors import ArdError
from potato.raster.aws import REFUSED, explain_refusal, s3_options, s3_server
from potato.raster.gdal_env import gdal
from potato.raster.remote import AnotherHostError, open_web

TRIES = 3
"""Requests for a file before a web server is given up."""

TIMEOUT = 30
"""Seconds to wait for an answer."""

SLOW = 1000
"""Bytes a second that a server must send after `TIMEOUT` seconds, as in `raster.gdal_env`."""

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

LEADS_OUT = "a symlink that leads out of the ARD"


class UnreadableError(OSError):
    """A file of a web server or a bucket that can't be read.

    Attributes:
        kind: what it is among the parts of an ARD that can't be read.
    """

    def __init__(self, reason: str, kind: type[Broken]) -> None:
        super().__init__(reason)
        self.kind = kind


class Source(Protocol):
    """A place that holds an ARD. Files are named relative to its root, with slashes.

    Attributes:
        root: address, ending in a slash; every link into the ARD begins with it.
    """

    root: str

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a file, or of a larger one `limit` + 1; OSError if it can't be read."""

    def locate(self, name: str) -> str | None:
        """The address of a file, for GDAL or a person; None if the file is known to be missing."""


class Folder:
    """A local folder.

    Args:
        folder: its path; may be a symlink itself.
        follow_links: whether symlinks below the folder may lead out of it.
    """

    def __init__(self, folder: str, follow_links: bool = False) -> None:
        self.folder = Path(folder)
        self.root = self.folder.absolute().as_posix().rstrip("/") + "/"
        self._real = os.path.realpath(folder)
        self._follow_links = follow_links

    def names(self) -> Iterator[str | Broken]:
        """Every file below, through symlinks too, unless they lead out or back to a folder above.

        Yields:
            Names, and `Broken` for folders and symlinks that can't be followed.
        """
        waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
        while waiting:
            below, above = waiting.pop()
            path = self.folder / below
            try:
                status = path.stat()
                here = (status.st_dev, status.st_ino)
                if here in above:
                    yield Broken(str(path), "a symlink loop: the folder leads back to one above it")
                    continue
                for entry in sorted(path.iterdir()):
                    name = f"{below}/{entry.name}" if below else entry.name
                    if not entry.name.isprintable():
                        yield Broken(ascii(str(entry)), "a name with characters that no ARD has")
                    elif entry.is_symlink() and not self._holds(entry):
                        # A symlinked image is reported with its item.
                        if entry.is_dir() or name.endswith(".json"):
                            yield Broken(str(entry), f"{LEADS_OUT}; use --follow-links if that is right")
                    elif entry.is_dir():
                        waiting.append((name, above | {here}))
                    else:
                        yield name
            except OSError as error:
                yield Broken(str(path), f"can't be read: {error.strerror or error}")

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a file, or of a larger one `limit` + 1."""
        path = self.folder / name
        if not path.is_file():
            raise OSError("not a file, but a named pipe or a device" if path.exists() else "not there")
        with path.open("rb") as file:
            return file.read(limit + 1)

    def locate(self, name: str) -> str | None:
        """The path of a file; None without one, LinkError if a symlink leads out of the folder."""
        path = self.folder / name
        try:
            if not path.is_file():
                return None
        except OSError:  # a name that is too long, say
            return None
        if not self._holds(path):
            raise LinkError(LEADS_OUT, path.name)
        return str(path)

    def _holds(self, path: Path) -> bool:
        """Whether a path stays below the folder once symlinks are resolved."""
        if self._follow_links:
            return True
        real = os.path.realpath(path)
        return os.path.commonpath([real, self._real]) == self._real


class Bucket:
    """A prefix of an S3 bucket, read anonymously unless there are credentials.

    GDAL reads the pixels, so its settings (`AWS_S3_ENDPOINT`, `AWS_HTTPS`, `AWS_NO_SIGN_REQUEST`,
    …) apply here too.
    """

    def __init__(self, address: str) -> None:
        try:
            import obstore
            from obstore.store import S3Store
        except ImportError as error:
            raise ArdError(
                f"expected obstore, which reads {address[:60]}, found it missing; {install_command('s3')}"
            ) from error
        parts = urlsplit(address)
        self._obstore = obstore
        self._prefix = parts.path.strip("/")
        self._known: set[str] = set()
        self.root = f"s3://{parts.netloc}/{self._prefix}/" if self._prefix else f"s3://{parts.netloc}/"
        self._store: Any = S3Store(parts.netloc, **_bucket_settings(parts.netloc))

    def names(self) -> Iterator[str | Broken]:
        """Every key below the prefix."""
        start = f"{self._prefix}/" if self._prefix else ""
        try:
            for chunk in self._obstore.list(self._store, prefix=self._prefix or None):
                for found in chunk:
                    name = found["path"].removeprefix(start)
                    self._known.add(name)
                    yield name
        except Exception as error:  # obstore raises classes of its own and builtin ones
            reason = str(_unreadable(error))
            raise ArdError(f"can't list {self.root}: {reason}{explain_refusal(reason)}") from error

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of an object, or for a larger one `limit` + 1 spaces."""
        key = f"{self._prefix}/{name}" if self._prefix else name
        try:
            found = self._obstore.get(self._store, key)
            return bytes(found.bytes()) if found.meta["size"] <= limit else b" " * (limit + 1)
        except Exception as error:  # obstore raises classes of its own and builtin ones
            raise _unreadable(error) from error

    def locate(self, name: str) -> str | None:
        """The address of an object; None if it wasn't listed."""
        return self.root + name if name in self._known else None


def _bucket_settings(bucket: str) -> dict[str, Any]:
    """Settings of obstore's store, derived from GDAL's."""
    with gdal():
        options = {name: str(value) for name, value in rasterio.env.getenv().items()} | dict(os.environ)
        found = s3_options()
    options |= found
    settings: dict[str, Any] = {
        name.removeprefix("AWS_").lower(): value for name, value in found.items() if name in _KEYS
    }
    if options.get("AWS_NO_SIGN_REQUEST", "NO").upper() in ("YES", "TRUE", "1"):
        settings["skip_signature"] = True
    region = options.get("AWS_REGION") or options.get("AWS_DEFAULT_REGION")
    if server := s3_server(options):
        settings["endpoint"] = server
        settings["client_options"] = {"allow_http": True}
    elif not region and "AWS_ENDPOINT_URL" not in options:
        region = _find_region(bucket)
    if region:
        settings["region"] = region
    return settings


def _find_region(bucket: str) -> str | None:
    """The region of a bucket, from a header that S3 sends with every answer, refusals included."""
    request = urllib.request.Request(f"https://{bucket}.s3.amazonaws.com/", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return str(answer.headers.get("x-amz-bucket-region") or "") or None
    except urllib.error.HTTPError as error:
        return error.headers.get("x-amz-bucket-region")
    except (OSError, HTTPException, ValueError):
        return None


class Web:
    """A folder of a web server, which can't be listed: items are found by links.

    Attributes:
        root: address, ending in a slash.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.root = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a file; a server that is busy or gone is asked up to `TRIES` times."""
        for attempt in range(1, TRIES + 1):
            try:
                with open_web(self._address(name), TIMEOUT) as answer:
                    return _read_body(answer, limit)
            except AnotherHostError:
                raise
            except urllib.error.HTTPError as error:
                if (error.code < 500 and error.code not in (408, 429)) or attempt == TRIES:
                    reason = f"the server says {error.code} {error.reason}"
                    raise UnreadableError(reason, Broken if error.code < 500 else Unreachable) from error
            except (OSError, HTTPException) as error:
                if attempt == TRIES:
                    reason = one_line(getattr(error, "reason", error), 300)
                    raise UnreadableError(reason, Unreachable) from error
            time.sleep(0.05 * 4**attempt)
        raise AssertionError  # the last try returns or raises

    def locate(self, name: str) -> str | None:
        """The address of a file, which may turn out to be missing when it is read."""
        return self._address(name)

    def _address(self, name: str) -> str:
        return self.root + quote(name)


def open_source(source: str, *, follow_links: bool = False) -> Folder | Bucket | Web:
    """Open the source at an address.

    Args:
        source: a folder, `s3://bucket/prefix` or `https://…`.
        follow_links: whether symlinks in a folder may lead out of it.

    Raises:
        ArdError: if `source` isn't a folder, bucket or web address.
    """
    try:
        if source.startswith("s3://"):
            return Bucket(source)
        if source.startswith(("https://", "http://")):
            return Web(source)
    except ValueError as error:
        raise ArdError(f"expected an address, found {source[:200]}: {error}") from error
    if "://" in source or source.startswith("/vsi"):
        raise ArdError(f"expected a folder, s3://… or https://…, found {source}")
    if not Path(source).is_dir():
        found = "a file" if Path(source).exists() else "nothing"
        raise ArdError(f"{source}: expected a folder that holds an ARD, found {found} there")
    return Folder(source, follow_links)


def _read_body(answer: Any, limit: int) -> bytes:
    """The body of an answer, or more than `limit` of it; OSError if cut short or too slow."""
    started, body = time.monotonic(), bytearray()
    while len(body) <= limit and (part := answer.read1(1 << 16)):
        body += part
        waited = time.monotonic() - started
        if waited > TIMEOUT and len(body) < SLOW * waited:
            raise OSError(f"too slow: {len(body)} bytes in {waited:.0f} s")
    if len(body) <= limit and answer.length:
        raise OSError(f"cut short: {answer.length} bytes are missing")
    return bytes(body)


def _unreadable(error: Exception) -> UnreadableError:
    """Why a bucket can't be read, in one line; obstore tells only in words why it was refused."""
    if refused := REFUSED.search(str(error)):
        return UnreadableError(f"the bucket refuses ({refused.group()})", Refused)
    return UnreadableError(
        one_line(error, 300), Broken if isinstance(error, FileNotFoundError) else Unreachable
    )
