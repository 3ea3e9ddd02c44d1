"""Reading windows over the network: settings, what it costs, and telling a bad line from a bad file."""

import contextlib
import ctypes
import functools
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import rasterio
import rasterio._env

from potato.errors import ArdError, InputError
from potato.raster.gdal import gdal

__all__ = ["bytes_moved", "is_remote", "remote_gdal", "reset_bytes_moved", "try_again"]

Result = TypeVar("Result")

PAUSES = (1.0, 4.0)
"""Seconds between one try and the next."""

_UNREACHABLE = re.compile(
    r"response[ _]code[:=] ?(0|408|429|5\d\d)\b|curl|timed? ?out|resolve|connect|ssl|slow ?down",
    re.IGNORECASE,
)
"""What GDAL says when a server, not a file, is at fault."""


def is_remote(path: str) -> bool:
    """Whether a path leads over the network."""
    return path.startswith(("s3://", "http://", "https://", "/vsicurl", "/vsis3"))


@contextlib.contextmanager
def remote_gdal() -> Iterator[None]:
    """`gdal()`, with settings for windows of remote files, none stronger than the user's."""
    defaults = {
        # Each window is tried again as a whole (`try_again`); else a dead server is asked for each of a
        # hundred blocks in turn, with pauses, for minutes.
        "GDAL_HTTP_MAX_RETRY": "0",
        # A server that says nothing more is given up, not waited for.
        "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
        "GDAL_HTTP_LOW_SPEED_TIME": "30",
        # The header of a COG in one request.
        "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    }
    taken = set(os.environ) | set(rasterio.env.getenv() if rasterio.env.hasenv() else ())
    wanted = {name: value for name, value in defaults.items() if name not in taken}
    with gdal(), rasterio.Env(CPL_VSIL_NETWORK_STATS_ENABLED="YES", **wanted):
        yield


def try_again(read: Callable[[], Result], paths: tuple[str, ...]) -> Result:
    """Read something; where it lies over the network, more than once before it counts as damaged.

    GDAL calls a block that didn't arrive damaged. So a remote file is damaged only if it was opened
    afresh each time, and each time couldn't be read.

    Args:
        read: opens the files, reads, closes them.
        paths: the files.

    Raises:
        InputError: if the files are at fault, or aren't there.
        ArdError: if the network or a server is.
    """
    if not any(map(is_remote, paths)):
        return read()
    for pause in (*PAUSES, None):
        try:
            return read()
        except InputError as error:
            unreachable = str(error).startswith("can't open") and _UNREACHABLE.search(str(error))
            if pause is None and unreachable:
                raise ArdError(
                    f"{error}; the network or the server fails: repeat the command later, "
                    "it goes on where it stopped"
                ) from error
            if pause is None or (str(error).startswith("can't open") and not unreachable):
                raise
            _forget(paths)
            time.sleep(pause)
    raise AssertionError  # the last try returns or raises


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
