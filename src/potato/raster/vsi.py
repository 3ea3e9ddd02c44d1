"""GDAL's C functions that rasterio doesn't wrap: its file system, and counts of its requests."""

import contextlib
import ctypes
import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

import rasterio._env

Read = Callable[[int, int], bytes]
"""Offset and size to bytes, fewer at the end of the file."""


@functools.cache
def library() -> Any:
    """GDAL; None if its functions can't be loaded."""
    try:
        found = ctypes.CDLL(rasterio._env.__file__)
        found.VSINetworkStatsGetAsSerializedJSON.restype = ctypes.c_void_p
        found.VSINetworkStatsGetAsSerializedJSON.argtypes = [ctypes.c_void_p]
        found.VSIFree.argtypes = [ctypes.c_void_p]
        found.VSICurlPartialClearCache.argtypes = [ctypes.c_char_p]
        found.VSIFOpenExL.restype = ctypes.c_void_p
        found.VSIFOpenExL.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
        found.VSIGetLastErrorMsg.restype = ctypes.c_char_p
        found.VSIFSeekL.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int]
        found.VSIFReadL.restype = ctypes.c_size_t
        found.VSIFReadL.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
        found.VSIFCloseL.argtypes = [ctypes.c_void_p]
    except (OSError, AttributeError):
        return None
    return found


def vsi_name(path: str) -> str:
    """The name by which GDAL's file system knows a path, an address or `zip://…!…`."""
    if archive := re.fullmatch(r"(zip|tar|gzip)://([^!]*)!?/?(.*)", path):
        return "/vsi{}/{}/{}".format(*archive.groups()).rstrip("/")
    return re.sub(r"^(?=https?://)", "/vsicurl/", re.sub(r"^s3://", "/vsis3/", path))


@contextlib.contextmanager
def open_bytes(path: str) -> Iterator[Read | None]:
    """Read the bytes of a file as GDAL will, whose cache keeps what comes over the network.

    Yields:
        A function that reads; None if GDAL's file system can't be asked.

    Raises:
        OSError: if it can't open the file; the message says why.
    """
    gdal = library()
    if gdal is None:
        yield None
        return
    handle = gdal.VSIFOpenExL(vsi_name(path).encode(errors="surrogateescape"), b"rb", 1)
    if not handle:
        raise OSError(gdal.VSIGetLastErrorMsg().decode(errors="replace"))

    def read(offset: int, size: int) -> bytes:
        buffer = ctypes.create_string_buffer(size)
        gdal.VSIFSeekL(handle, offset, 0)
        found = gdal.VSIFReadL(buffer, 1, size, handle)
        return buffer.raw[:found]

    try:
        yield read
    finally:
        gdal.VSIFCloseL(handle)
