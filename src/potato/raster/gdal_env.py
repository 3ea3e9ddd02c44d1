"""GDAL itself: its settings, opening datasets, and turning what it merely logs into errors."""

import contextlib
import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rasterio
from affine import AffineError
from rasterio._err import CPLE_BaseError
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.session import DummySession

from potato.core.text import one_line, redact
from potato.engine.process_state import SharedChange
from potato.errors import InputError, OutputError, PotatoError
from potato.raster.aws import Signing, default_signing, explain_refusal, s3_options
from potato.raster.untrusted import check_beside, check_dataset, check_file, check_header, check_pipes

DEFAULTS: dict[str, str | int] = {
    # Blocks are read and written once, so 64 MB of cache are enough, and memory stays bounded.
    "GDAL_CACHEMAX": 64 << 20,
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    # Give up a server that sends less than 1,000 bytes a second for 30 seconds.
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
    "GDAL_HTTP_LOW_SPEED_TIME": "30",
}
"""GDAL's configuration options where the user hasn't set them."""

ALONE: dict[str, str | int] = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
"""The option by which GDAL looks for no files beside one that it opens. Looking for them beside a
remote file costs a request for each; beside a local one they hold masks, nodata and metadata."""

GDAL_ERRORS = (RasterioError, CPLE_BaseError, CRSError, UnicodeDecodeError)
"""Errors that rasterio raises when GDAL fails; the last one if GDAL quotes bytes of a file."""


def is_remote(path: str) -> bool:
    """Whether reading a path needs the network."""
    return path.startswith(("s3://", "http://", "https://")) or "/vsicurl" in path or "/vsis3" in path


def is_s3(path: str) -> bool:
    """Whether a path lies in a bucket of S3."""
    return path.startswith("s3://") or "/vsis3" in path


def unset_options(options: Mapping[str, str | int]) -> dict[str, str | int]:
    """The options that the user has set neither in the environment nor in an enclosing `Env`."""
    taken = set(os.environ) | set(rasterio.env.getenv() if rasterio.env.hasenv() else ())
    return {name: value for name, value in options.items() if name not in taken}


def gdal() -> rasterio.Env:
    """A GDAL environment with our defaults.

    An option that the user has set, in the environment or in an enclosing `rasterio.Env`, keeps its
    value. Without AWS credentials requests to S3 are not signed.
    """
    # Without a session rasterio would ask boto3 for credentials for every file, local ones too.
    return rasterio.Env(session=DummySession(), **unset_options({**DEFAULTS, **default_signing()}))


def _check_query(path: str) -> None:
    """Refuse an address whose query no message could tell from the words after it, to leave it out.

    Raises:
        InputError: if there is a space, a quotation mark or an angle bracket in it.
    """
    address, _, query = path.partition("?")
    if is_remote(path) and not path.startswith("<") and re.search(r"[\s\"<>`]", query):
        raise InputError(
            f"{redact(address)}: expected a query without spaces, quotation marks and angle brackets, found "
            'one; encode it: %20 is a space, %22 is ", %3C is <'
        )


def open_dataset(path: str, role: str, driver: str | None = None, **options: Any) -> Any:
    """Open a dataset for reading, with the masks and metadata that lie beside it if it is local.

    Args:
        path: anything that GDAL opens.
        role: names the dataset in messages: "pan", "mul" or "picture".
        driver: the one format that may be opened, by GDAL's name of its driver; None for any. Files
            from strangers need one, since formats such as VRT read other files that they name; it
            holds for masks and overviews beside them, too.
        options: GDAL's open options.

    Raises:
        InputError: if it can't be opened, or is made to harm (`raster.untrusted`).
    """
    _check_query(path)
    check_file(path)
    check_pipes(path)
    if driver is not None:
        check_beside(path, lambda beside: open_dataset(beside, role, "GTiff"))
    name = re.sub("^s3://", "/vsis3/", path)
    with placeless(), _reading(name):
        try:
            check_header(path)
        except OSError as error:
            # GDAL remembers this failure, but not its reason. Names that begin with "<" are VRTs.
            if is_remote(name) and not name.startswith("<"):
                raise InputError(f"can't open {role} {path}: {error}{_remedy(name, str(error))}") from error
        try:
            dataset = rasterio.open(name, driver=driver, **options)
        except GDAL_ERRORS as error:
            reason = one_line(error).removesuffix(".")
            raise InputError(f"can't open {role} {path}: {reason}{_remedy(name, reason)}") from error
        try:
            check_dataset(path, dataset, trusted=driver is None)
        except BaseException:
            dataset.close()
            raise
    return dataset


def _remedy(name: str, reason: str) -> str:
    """What to do about a file that can't be opened: the end of a message, or empty."""
    if not is_remote(name) and "not recognized" in reason:
        path = Path(name)
        if path.is_dir():
            return "; it is a folder: name a file in it, or the folder alone if it is a delivery"
        if path.is_file() and not path.stat().st_size:
            return "; it is empty: fetch it again"
    if "Range downloading" in reason:
        return "; its server gives no parts of files, so download it first"
    return explain_refusal(reason) if is_s3(name) else ""


def reopen_dataset(dataset: Any) -> Any:
    """Open a dataset once more, for another thread; InputError if it can't be opened any more."""
    try:
        with placeless(), _reading(dataset.name):
            return rasterio.open(dataset.name, driver=dataset.driver)
    except GDAL_ERRORS as error:
        raise InputError(f"can't open {dataset.name} again: {gdal_reason(error)}") from error


def _reading(name: str) -> rasterio.Env:
    """The options of GDAL with which a file is opened."""
    session = Signing(s3_options()) if is_s3(name) else DummySession()
    return rasterio.Env(session=session, **(unset_options(ALONE) if is_remote(name) else {}))


def gdal_reason(error: Exception) -> str:
    """GDAL's own words for why reading failed, on one line."""
    return " ".join(str(error.__cause__ or error).split())


@contextlib.contextmanager
def understood(path: str) -> Iterator[None]:
    """Turn any error from the tags of an open file into an InputError: they may hold anything.

    Args:
        path: of the file, for the message.

    Raises:
        InputError: if GDAL or rasterio can't make sense of something.
    """
    try:
        yield
    except PotatoError:
        raise
    except (*GDAL_ERRORS, AffineError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        reason = gdal_reason(error)[:300] or type(error).__name__
        raise InputError(f"{path}: expected an image that makes sense, found otherwise: {reason}") from error


class LogMessages(logging.Handler):
    """Collects the messages of a logger.

    Attributes:
        messages: what was logged so far.
    """

    def __init__(self, level: int, this_thread: bool = False) -> None:
        """Collect messages of `level` and above, of all threads or only of this one."""
        super().__init__(level)
        self.messages: list[str] = []
        self._thread = threading.get_ident() if this_thread else None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        if self._thread in (None, record.thread):
            self.messages.append(record.getMessage())


@contextlib.contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn every error and warning of GDAL while a file is written into an OutputError.

    GDAL only warns of a misspelt creation option, and only logs a full disk when it closes a file.

    Args:
        path: what the message calls the file.

    Raises:
        OutputError: if GDAL raised or logged anything.
    """
    logger, warned = logging.getLogger("rasterio"), LogMessages(logging.WARNING)
    try:
        with _AUDIBLE.held(), placeless():
            logger.addHandler(warned)
            try:
                yield
            finally:
                logger.removeHandler(warned)
    except GDAL_ERRORS as error:
        raise OutputError(f"{path}: can't write it: {gdal_reason(error)}") from error
    if warned.messages:
        reason = re.sub(r"^CPLE_\w+ in ", "", warned.messages[0])
        raise OutputError(f"{path}: GDAL refused: {reason}")


def placeless() -> contextlib.AbstractContextManager[None]:
    """Let pictures have no place on Earth, as PNGs don't, without rasterio's warning about it."""
    return _PLACELESS.held()


@contextlib.contextmanager
def _audible() -> Iterator[None]:
    """Let rasterio's logger hand on warnings even if the user has silenced it (`rio --quiet`)."""
    logger = logging.getLogger("rasterio")
    level, propagate = logger.level, logger.propagate
    if not logger.isEnabledFor(logging.WARNING):
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.propagate = propagate


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


_AUDIBLE = SharedChange(_audible)
_PLACELESS = SharedChange(_unwarned)
