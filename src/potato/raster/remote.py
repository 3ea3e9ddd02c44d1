"""Reading over the network: settings, repeated tries, redirects, the number of bytes fetched."""

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
from rasterio.session import DummySession

from potato.engine.process_state import SharedChange
from potato.errors import ArdError, InputError
from potato.raster.gdal_env import LogMessages, gdal, is_remote, unset_options
from potato.raster.vsi import library, vsi_name

Result = TypeVar("Result")

PAUSES = (1.0, 4.0)
"""Seconds before the second try and before the third."""

TIMEOUT = 10
"""Seconds that a server has to answer our own request; GDAL has as many to connect."""

DEAD_PROXY = "none://no-such-proxy"
"""A proxy of no known scheme: requests to it fail at once, with its name in the message."""

SENT_ON = "its server sends us on to another host; use --follow-links if that is right"

_UNREACHABLE = re.compile(
    r"response[ _]code[:=] ?(0|408|429|5[0-9]{2})\b|curl error|timed? ?out|not (resolve|connect)|slow ?down|"
    r"bytes (remaining|missing)|transfer closed|too slow|connection (was )?reset|recv failure",
    re.IGNORECASE,
)
"""Messages of GDAL that put the blame on a server or the network, not on a file."""

_DEBUG_LOCK = threading.Lock()
"""Held while GDAL logs debug messages: the level of a logger belongs to the whole process."""

_HOSTS_LOCK = threading.Lock()

_direct_hosts: set[str] = set()
"""Hosts that GDAL may ask now without a proxy, as `no_proxy` names them."""


class AnotherHostError(OSError):
    """A server redirects to another host, which the user didn't allow."""


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a host, also from http to https."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        here, there = urlsplit(req.full_url), urlsplit(newurl)
        upgrade = (here.scheme, there.scheme) == ("http", "https") and here.port == there.port is None
        alike = (here.scheme, here.netloc) == (there.scheme, there.netloc)
        if not alike and not (upgrade and here.hostname == there.hostname):
            raise AnotherHostError(f"its server sends us on to another host, {there.hostname}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_web(request: str | urllib.request.Request, timeout: float) -> Any:
    """Request something from a web server, following redirects only within its host.

    Args:
        request: an address, or a request with headers.
        timeout: seconds that the server has to answer.

    Returns:
        The response, as from `urllib.request.urlopen`.

    Raises:
        AnotherHostError: if the server redirects to another host.
        OSError, HTTPException: if the request fails.
    """
    return urllib.request.build_opener(_SameHost).open(request, timeout=timeout)


@contextlib.contextmanager
def remote_gdal(retries: int = 0) -> Iterator[None]:
    """`gdal()` with more defaults, for remote files; options that the user has set are kept.

    Args:
        retries: how often GDAL repeats a request that fails, with pauses that grow. 0 suits
            windows, which `try_again` reads again as a whole: repeating each of a hundred requests
            to a dead server would take minutes. Whole images deserve more patience.
    """
    defaults = {
        # With threads of its own GDAL 3.10 logs failed requests where nobody can read them, and may
        # wait for ever when a file is closed after one.
        "GDAL_NUM_THREADS": "1",
        "GDAL_HTTP_MAX_RETRY": str(retries),
        # The header of a COG in one request.
        "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    }
    options = unset_options(defaults)
    with gdal(), rasterio.Env(CPL_VSIL_NETWORK_STATS_ENABLED="YES", **options):
        yield


def try_again(read: Callable[[], Result], paths: tuple[str, ...], *, follow: bool = False) -> Result:
    """Read something, up to three times if it lies on the network, with pauses in between.

    GDAL reports a block that didn't arrive as damaged, and a file whose header didn't arrive as no
    image. Only its debug messages say whether the network or the file is at fault, so the later
    tries read these messages.

    Args:
        read: opens the files, reads, closes them; called inside `remote_gdal`.
        paths: the files.
        follow: whether a web server may send us on to another host for them.

    Returns:
        The result of `read`.

    Raises:
        InputError: if a file is damaged or missing, or a server sends us on to another host.
        ArdError: if the network or a server fails.
    """
    with contextlib.nullcontext() if follow else _same_hosts_only(paths):
        try:
            return read()
        except InputError:
            if not any(map(is_remote, paths)):
                raise
        failure, cause = "", None
        for pause in PAUSES:
            time.sleep(pause)
            _clear_cache(paths)
            with _debug_messages() as messages:
                try:
                    return read()
                except InputError as error:
                    failure, cause = _network_failure(paths[0], [*messages, str(error)], error), error
        raise ArdError(
            f"{paths[0]}: the network or the server fails ({failure}); "
            "repeat the command later, it goes on where it stopped"
        ) from cause


def _network_failure(path: str, messages: list[str], error: InputError) -> str:
    """The first message that blames the network or a server.

    Raises:
        InputError: if a server sent us on; or `error` itself, if no message does.
    """
    if any(DEAD_PROXY in message for message in messages):
        raise InputError(f"{path}: {SENT_ON}") from error
    for message in filter(_UNREACHABLE.search, messages):
        return message
    raise error


@contextlib.contextmanager
def _same_hosts_only(paths: tuple[str, ...]) -> Iterator[None]:
    """Keep GDAL from following a redirect to a web server other than those of some files.

    GDAL follows redirects, and no option forbids it. But libcurl asks every host through a proxy
    unless the environment variable `no_proxy` names the host. So the proxy is one that can't exist,
    and `no_proxy` names the hosts of the files for as long as any call needs them. Where the user
    needs a real proxy, the first byte of each file is requested without GDAL instead; a server that
    redirects only later requests isn't noticed then.

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
        with _OWN_NO_PROXY.held(), rasterio.Env(session=DummySession(), GDAL_HTTP_PROXY=DEAD_PROXY):
            with _HOSTS_LOCK:
                _direct_hosts.update(urlsplit(path).hostname or "" for path in web)
                names = ",".join(sorted(_direct_hosts))
                if os.environ.get("no_proxy") != names:
                    os.environ["no_proxy"] = names
            yield


@contextlib.contextmanager
def _own_no_proxy() -> Iterator[None]:
    """Put `no_proxy` back at the end."""
    before = os.environ.get("no_proxy")
    try:
        yield
    finally:
        _direct_hosts.clear()
        if before is None:
            os.environ.pop("no_proxy", None)
        else:
            os.environ["no_proxy"] = before


_OWN_NO_PROXY = SharedChange(_own_no_proxy)


@functools.lru_cache(maxsize=1024)
def _ask_first(path: str) -> None:
    """Request the first byte of a file; GDAL reports any fault but a redirect better.

    Raises:
        InputError: if the server sends us on to another host.
    """
    try:
        open_web(urllib.request.Request(path, headers={"Range": "bytes=0-0"}), TIMEOUT).close()
    except AnotherHostError as error:
        raise InputError(f"{path}: {SENT_ON}") from error
    except (OSError, HTTPException, ValueError):
        return


@contextlib.contextmanager
def _debug_messages() -> Iterator[list[str]]:
    """Collect GDAL's debug messages about requests of this thread; one thread at a time."""
    logger, handler = logging.getLogger("rasterio._env"), LogMessages(logging.DEBUG, this_thread=True)
    with _DEBUG_LOCK, rasterio.Env(session=DummySession(), CPL_DEBUG="VSICURL,S3"):
        level = logger.level
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
        try:
            yield handler.messages
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)


def _clear_cache(paths: tuple[str, ...]) -> None:
    """Make GDAL forget its cache of remote files, including failed requests."""
    gdal_library = library()
    for path in filter(is_remote, paths) if gdal_library else ():
        gdal_library.VSICurlPartialClearCache(vsi_name(path).encode())


def reset_bytes_moved() -> None:
    """Set the count of `bytes_moved` to 0, for the whole process."""
    gdal_library = library()
    if gdal_library:
        gdal_library.VSINetworkStatsReset()


def bytes_moved() -> int | None:
    """Bytes fetched inside `remote_gdal` since the last reset; None if GDAL doesn't say."""
    gdal_library = library()
    if not gdal_library:
        return None
    pointer = gdal_library.VSINetworkStatsGetAsSerializedJSON(None)
    if not pointer:
        return None
    try:
        found = json.loads(ctypes.string_at(pointer) or b"{}")
    except ValueError:
        return None
    finally:
        gdal_library.VSIFree(pointer)
    return int(found.get("methods", {}).get("GET", {}).get("downloaded_bytes", 0))
