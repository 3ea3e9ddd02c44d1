"""GDAL itself: its settings, opening datasets, and hearing what it only mutters."""

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError
from rasterio.session import DummySession

from potato.errors import InputError, OutputError

__all__ = ["Grid", "complaints", "gdal", "open_dataset", "refusals"]


def gdal() -> rasterio.Env:
    """A GDAL environment with our defaults.

    What the user has set, in the environment or in an enclosing `rasterio.Env`, stays as it is.
    """
    defaults: dict[str, str | int] = {
        # Blocks are read once and tiles written once: a small cache is enough, and memory stays bounded.
        "GDAL_CACHEMAX": 128 << 20,
        # Listing the folder beside a remote file costs a request each and finds nothing we need.
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_HTTP_MAX_RETRY": "3",
        "GDAL_HTTP_RETRY_DELAY": "1",
        "GDAL_HTTP_CONNECTTIMEOUT": "10",
        # A server that says nothing more is given up, not waited for.
        "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
        "GDAL_HTTP_LOW_SPEED_TIME": "30",
    }
    credentials = (
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    )
    home = Path.home() / ".aws" / "credentials"
    if not any(name in os.environ for name in credentials) and not home.exists():
        defaults["AWS_NO_SIGN_REQUEST"] = "YES"
    taken = set(os.environ) | set(rasterio.env.getenv() if rasterio.env.hasenv() else ())
    # Without a session rasterio would ask boto3 for credentials; GDAL finds them by itself.
    return rasterio.Env(
        session=DummySession(),
        **{name: value for name, value in defaults.items() if name not in taken},
    )


class _Complaints(logging.Handler):
    """Collects what GDAL only logs: warnings about options, and errors when a file is closed."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(re.sub(r"^CPLE_\w+ in ", "", record.getMessage()))


@contextlib.contextmanager
def complaints(level: int) -> Iterator[list[str]]:
    """GDAL's log messages of at least `level` while inside."""
    logger, handler = logging.getLogger("rasterio"), _Complaints(level)
    logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        logger.removeHandler(handler)


@contextlib.contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn whatever GDAL raises or merely logs while writing into an OutputError.

    A misspelt creation option is only a warning to GDAL, and a full disk only a message when it closes.
    """
    try:
        with complaints(logging.WARNING) as messages:
            yield
    except RasterioError as error:
        raise OutputError(f"{path}: can't write it: {error}") from error
    if messages:
        raise OutputError(f"{path}: GDAL refused: {messages[0]}")


def open_dataset(path: str, role: str) -> Any:
    """Open a dataset for reading; `role` names it in the InputError that comes if it can't be opened."""
    name = re.sub("^s3://", "/vsis3/", path)
    try:
        return rasterio.open(name)
    except RasterioError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"can't open {role} {path}: {reason}") from error


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a picture lie: size in pixels, CRS, and affine transform to it."""

    height: int
    width: int
    crs: Any
    transform: Any
