"""Nothing that a call changes in the process outlives it, also if calls overlap in threads."""

import contextlib
import logging
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from rasterio.errors import NotGeoreferencedWarning

from potato.core.windows import PairWindow
from potato.engine.process_state import SharedChange
from potato.raster.area import Area, part_of
from potato.raster.coordinates import grid_at, grid_to_lonlat
from potato.raster.gdal_env import placeless, refusals
from potato.raster.remote import DEAD_PROXY, try_again


def overlap(first, second) -> list[object]:
    """What each of two calls sees inside; the first begins first and ends first.

    Args:
        first, second: context managers.
    """
    begun, ended, seen = threading.Event(), threading.Event(), []

    def other() -> None:
        with second as found:
            begun.set()
            assert ended.wait(10)
            seen.append(found() if callable(found) else found)

    thread = threading.Thread(target=other)
    with first as found:
        thread.start()
        assert begun.wait(10)
        seen.append(found() if callable(found) else found)
    ended.set()
    thread.join(10)
    return seen


@contextlib.contextmanager
def reading(*paths: str):
    """Inside `try_again` for some files; gives a function that says what `no_proxy` is."""
    inside, leave = threading.Event(), threading.Event()

    def read() -> None:
        inside.set()
        assert leave.wait(10)

    thread = threading.Thread(target=try_again, args=(read, paths))
    thread.start()
    assert inside.wait(10)
    try:
        yield lambda: os.environ.get("no_proxy")
    finally:
        leave.set()
        thread.join(10)


@pytest.fixture(params=[None, "", "intranet"])
def no_proxy(request, monkeypatch) -> str | None:
    """What the user has set `no_proxy` to."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "gdal_http_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    if request.param is not None:
        monkeypatch.setenv("no_proxy", request.param)
    return request.param


def test_a_shared_change_is_made_once_and_undone_by_the_last_call():
    log = []

    @contextlib.contextmanager
    def change():
        log.append("made")
        yield
        log.append("undone")

    shared = SharedChange(change)
    with contextlib.ExitStack() as other:
        with shared.held():
            other.enter_context(shared.held())
        assert log == ["made"]
    assert log == ["made", "undone"]
    with shared.held():
        pass
    assert log == ["made", "undone"] * 2


def test_a_shared_change_is_undone_after_an_error():
    shared = SharedChange(warnings.catch_warnings)
    before = list(warnings.filters)
    with pytest.raises(ZeroDivisionError), shared.held():
        warnings.simplefilter("ignore")
        raise ZeroDivisionError
    assert warnings.filters == before


def test_reading_over_http_restores_the_variable_no_proxy(no_proxy):
    with reading("https://a.example/x.tif", "https://b.example/x.tif") as names:
        assert names() == "a.example,b.example"
    assert os.environ.get("no_proxy") == no_proxy


def test_overlapping_reads_over_http_restore_the_variable_no_proxy(no_proxy):
    seen = overlap(reading("https://a.example/x.tif"), reading("https://b.example/x.tif"))
    assert all("b.example" in names.split(",") for names in seen)
    assert os.environ.get("no_proxy") == no_proxy


def test_a_failing_read_restores_the_variable_no_proxy(no_proxy):
    def read() -> None:
        assert os.environ["no_proxy"] == "a.example"
        raise KeyError

    with pytest.raises(KeyError):
        try_again(read, ("https://a.example/x.tif",))
    assert os.environ.get("no_proxy") == no_proxy


def test_only_the_host_of_the_current_read_bypasses_the_dead_proxy(no_proxy):
    for host in ("a.example", "b.example"):
        with reading(f"https://{host}/x.tif") as names:
            assert names() == host


def test_gdal_has_the_dead_proxy_only_while_reading(no_proxy):
    from rasterio._env import get_gdal_config

    assert get_gdal_config("GDAL_HTTP_PROXY") is None
    assert try_again(lambda: get_gdal_config("GDAL_HTTP_PROXY"), ("http://a.example/x",)) == DEAD_PROXY
    assert get_gdal_config("GDAL_HTTP_PROXY") is None


def warned() -> bool:
    """Whether rasterio's warning of a picture without a place is an error, as pytest makes it."""
    try:
        warnings.warn("no place", NotGeoreferencedWarning, stacklevel=1)
    except NotGeoreferencedWarning:
        return True
    return False


def test_overlapping_calls_restore_the_warning_filters():
    before = list(warnings.filters)

    @contextlib.contextmanager
    def inside():
        with placeless():
            yield warned

    assert overlap(inside(), inside()) == [False, False]
    assert warnings.filters == before
    assert warned()


def test_overlapping_writes_restore_the_logger(monkeypatch):
    logger = logging.getLogger("rasterio")
    monkeypatch.setattr(logger, "level", logging.CRITICAL)
    before = logger.level, logger.propagate, list(logger.handlers)

    @contextlib.contextmanager
    def inside():
        with refusals(Path("x.tif")):
            yield lambda: logger.isEnabledFor(logging.WARNING)

    assert overlap(inside(), inside()) == [True, True]
    assert (logger.level, logger.propagate, logger.handlers) == before


def test_areas_in_many_threads_leave_the_warning_filters_as_they_are():
    """rasterio changes them while it draws a polygon, which threads undo in another order."""
    grid = grid_at(64, 64, 0.5, 350_000, 3_800_000)
    west, south = grid_to_lonlat(grid, 3, 60)
    east, north = grid_to_lonlat(grid, 60, 5)
    area = Area(((((west, south), (east, south), (east, north)),),))
    part = part_of(grid, 4, area=area)
    interval, before = sys.getswitchinterval(), list(warnings.filters)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as executor:
            masks = list(executor.map(part.mask, [PairWindow(0, 0, 4, 4)] * 100))
    finally:
        sys.setswitchinterval(interval)
    assert warnings.filters == before
    assert all(np.array_equal(mask, masks[0]) for mask in masks)
