"""Reading windows over the network: settings, what it costs, and telling a bad line from a bad file."""

import contextlib
import ctypes
import functools
import json
import logging
import os
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.parse import urlsplit

import rasterio
import rasterio._env
from rasterio.session import DummySession

from potato.errors import ArdError, InputError
from potato.raster.gdal_env import gdal

Result = TypeVar("Result")

PAUSES = (1.0, 4.0)
"""Seconds before the second try and before the third."""

_UNREACHABLE = re.compile(
    r"response[ _]code[:=] ?(0|408|429|5\d\d)\b|curl error|timed? ?out|not (resolve|connect)|slow ?down|"
    r"bytes (remaining|missing)|transfer closed|too slow|connection (was )?reset|recv failure",
    re.IGNORECASE,
)
"""What GDAL says when a server or the line, not a file, is at fault."""


TIMEOUT = 10
"""Seconds for a server to say whether an image is its own, as for GDAL to connect."""

NOWHERE = "none://no-such-proxy"
"""A proxy of a kind that there isn't: what is sent there fails at once, and this is in the message."""

ELSEWHERE = "its server sends us on to another host; use --follow-links if that is right"

_LISTENING = threading.Lock()

_HOMES: set[str] = set()
"""Hosts that were asked for by name; the environment, which tells GDAL, belongs to the whole process."""


class AnotherHostError(OSError):
    """A server sends us on to another host, where we weren't told to go."""


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a host, and from http to https."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        here, there = urlsplit(req.full_url), urlsplit(newurl)
        upgrade = (here.scheme, there.scheme) == ("http", "https") and here.port == there.port is None
        alike = (here.scheme, here.netloc) == (there.scheme, there.netloc)
        if not alike and not (upgrade and here.hostname == there.hostname):
            raise AnotherHostError(f"its server sends us on to another host, {there.hostname}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_web(request: str | urllib.request.Request, timeout: float) -> Any:
    """`urllib.request.urlopen` that stays on the host that is asked.

    Raises:
        AnotherHostError: if the server sends us on to another.
        OSError, HTTPException: as `urlopen` does.
    """
    return urllib.request.build_opener(_SameHost).open(request, timeout=timeout)


def is_remote(path: str) -> bool:
    """Whether a path leads over the network."""
    return path.startswith(("s3://", "http://", "https://", "/vsicurl", "/vsis3"))


@contextlib.contextmanager
def remote_gdal(retries: int = 0) -> Iterator[None]:
    """`gdal()`, with settings for reading remote files, none stronger than the user's.

    Args:
        retries: how often GDAL asks again for a part that doesn't come, with pauses that grow. For windows
            0, since each is tried again as a whole (`try_again`); else a dead server is asked for each of a
            hundred blocks in turn, for minutes. Whole images are worth some patience with each part.
    """
    defaults = {
        # With threads of its own GDAL 3.10 tells of failed requests where nobody hears it, and may wait for
        # ever when a file is closed after one.
        "GDAL_NUM_THREADS": "1",
        "GDAL_HTTP_MAX_RETRY": str(retries),
        # The header of a COG in one request.
        "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    }
    taken = set(os.environ) | set(rasterio.env.getenv() if rasterio.env.hasenv() else ())
    wanted = {name: value for name, value in defaults.items() if name not in taken}
    with gdal(), rasterio.Env(CPL_VSIL_NETWORK_STATS_ENABLED="YES", **wanted):
        yield


def try_again(read: Callable[[], Result], paths: tuple[str, ...], *, follow: bool = False) -> Result:
    """Read something; where it lies on the network, again after a little while if that fails.

    To GDAL a block that didn't arrive is a damaged one, and a header that didn't is no image. Whether line
    or file is at fault only its debug messages tell, so the later tries listen to them.

    Args:
        read: opens the files, reads, closes them; inside `remote_gdal`.
        paths: the files.
        follow: whether a web server may send us on to another host for them.

    Raises:
        InputError: if the files are at fault, or aren't there; or if a server sends us on.
        ArdError: if the network or a server is.
    """
    with contextlib.nullcontext() if follow else _at_home(paths):
        try:
            return read()
        except InputError:
            if not any(map(is_remote, paths)):
                raise
        for last, pause in zip((False, True), PAUSES, strict=True):
            time.sleep(pause)
            _forget(paths)
            with _listening() as heard:
                try:
                    return read()
                except InputError as error:
                    told = [*heard, str(error)]
                    if any(NOWHERE in message for message in told):
                        raise InputError(f"{paths[0]}: {ELSEWHERE}") from error
                    failure = next(filter(_UNREACHABLE.search, told), None)
                    if failure is None:
                        raise
                    if last:
                        raise ArdError(
                            f"{paths[0]}: the network or the server fails ({failure}); "
                            "repeat the command later, it goes on where it stopped"
                        ) from error
    raise AssertionError  # the last try returns or raises


@contextlib.contextmanager
def _at_home(paths: tuple[str, ...]) -> Iterator[None]:
    """Let GDAL ask no web server but that of some files, wherever it is sent.

    GDAL follows redirects and has no setting against that. But it asks all hosts that `no_proxy` doesn't name
    through a proxy, and there is none of that kind. Where a real proxy is needed the first byte of each file
    is asked for without GDAL, and a server that sends only later requests elsewhere isn't noticed.

    Raises:
        InputError: if a server sends us on to another host.
    """
    web = [path for path in paths if path.startswith(("http://", "https://"))]
    if not web:
        yield
    elif "GDAL_HTTP_PROXY" in os.environ or {"http", "https", "all"} & urllib.request.getproxies().keys():
        for path in web:
            _ask_first(path)
        yield
    else:
        with _LISTENING:
            _HOMES.update(urlsplit(path).hostname or "" for path in web)
            names = ",".join(sorted(_HOMES))
            if os.environ.get("no_proxy") != names:
                os.environ["no_proxy"] = names
        with rasterio.Env(session=DummySession(), GDAL_HTTP_PROXY=NOWHERE):
            yield


@functools.lru_cache(maxsize=1024)
def _ask_first(path: str) -> None:
    """Ask for the first byte of a file; what else is wrong than a redirect, GDAL tells better."""
    try:
        open_web(urllib.request.Request(path, headers={"Range": "bytes=0-0"}), TIMEOUT).close()
    except AnotherHostError as error:
        raise InputError(f"{path}: {ELSEWHERE}") from error
    except (OSError, HTTPException, ValueError):
        return


class _Ear(logging.Handler):
    """What GDAL says in this thread."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.messages.append(record.getMessage())


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """What GDAL says of its requests while inside; one thread at a time, since loggers are everybody's."""
    logger, ear = logging.getLogger("rasterio._env"), _Ear()
    with _LISTENING, rasterio.Env(session=DummySession(), CPL_DEBUG="VSICURL,S3"):
        level = logger.level
        logger.setLevel(logging.DEBUG)
        logger.addHandler(ear)
        try:
            yield ear.messages
        finally:
            logger.removeHandler(ear)
            logger.setLevel(level)


@functools.cache
def _library() -> Any:
    """GDAL's own functions that rasterio doesn't pass on; None where they can't be had."""
    try:
        library = ctypes.CDLL(rasterio._env.__file__)
        library.VSINetworkStatsGetAsSerializedJSON.restype = ctypes.c_void_p
        library.VSINetworkStatsGetAsSerializedJSON.argtypes = [ctypes.c_void_p]
        library.VSIFree.argtypes = [ctypes.c_void_p]
        library.VSICurlPartialClearCache.argtypes = [ctypes.c_char_p]
    except (OSError, AttributeError):
        return None
    return library


def _forget(paths: tuple[str, ...]) -> None:
    """Drop what GDAL remembers of remote files, failures too."""
    library = _library()
    for path in filter(is_remote, paths) if library else ():
        name = re.sub(r"^(?=https?://)", "/vsicurl/", re.sub(r"^s3://", "/vsis3/", path))
        library.VSICurlPartialClearCache(name.encode())


def reset_bytes_moved() -> None:
    """Begin to count from 0; for the whole process."""
    library = _library()
    if library:
        library.VSINetworkStatsReset()


def bytes_moved() -> int | None:
    """Bytes fetched inside `remote_gdal` since the last reset; None where GDAL doesn't tell."""
    library = _library()
    if not library:
        return None
    pointer = library.VSINetworkStatsGetAsSerializedJSON(None)
    if not pointer:
        return None
    try:
        found = json.loads(ctypes.string_at(pointer) or b"{}")
    except ValueError:
        return None
    finally:
        library.VSIFree(pointer)
    return int(found.get("methods", {}).get("GET", {}).get("downloaded_bytes", 0))
