"""GDAL itself: its settings, opening datasets, and hearing what it only mutters."""

import contextlib
import logging
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.session import DummySession

from potato.errors import InputError, OutputError


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
    """GDAL's log messages of at least `level` while inside, also where nobody else wants to hear them."""
    logger, handler = logging.getLogger("rasterio"), _Complaints(level)
    before = logger.level, logger.propagate
    if not logger.isEnabledFor(level):  # `rio --quiet`
        logger.setLevel(level)
        logger.propagate = False
    logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


@contextlib.contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn whatever GDAL raises or merely logs while writing into an OutputError.

    A misspelt creation option is only a warning to GDAL, and a full disk only a message when it closes.
    """
    try:
        with complaints(logging.WARNING) as messages, placeless():
            yield
    except RasterioError as error:
        raise OutputError(f"{path}: can't write it: {error}") from error
    if messages:
        raise OutputError(f"{path}: GDAL refused: {messages[0]}")


@contextlib.contextmanager
def placeless() -> Iterator[None]:
    """Let pictures have no place on Earth, as PNGs don't; rasterio warns of that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def open_dataset(path: str, role: str, driver: str | None = None) -> Any:
    """Open a dataset for reading.

    Args:
        path: anything that GDAL opens.
        role: names it in messages.
        driver: GDAL's name of the format that it must have; None for any. Some formats, such as VRT, are
            read from wherever they say.

    Raises:
        InputError: if it can't be opened.
    """
    name = re.sub("^s3://", "/vsis3/", path)
    try:
        with placeless():
            return rasterio.open(name, driver=driver)
    except RasterioError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"can't open {role} {path}: {reason}") from error


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a picture lie: size in pixels, CRS, and affine transform to it.

    A picture without a place on Earth, such as a PNG, has no CRS (None) and the identity.
    """

    height: int
    width: int
    crs: Any
    transform: Any

    @property
    def placed(self) -> bool:
        """Whether the picture has a place on Earth."""
        return self.crs is not None or self.transform != rasterio.Affine.identity()
