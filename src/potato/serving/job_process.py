"""The process of a job: one picture of an area, as `fuse --aoi` and `fuse-ard --aoi` make it."""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Literal

from potato.core.render import Look
from potato.core.text import one_line, redact
from potato.errors import InputError
from potato.fusion.ard.ard_run import fuse_ard
from potato.fusion.ard.summary import FusedArd
from potato.fusion.pipeline import fuse
from potato.serving.catalogue import PassOrigin, Wanted

POLITENESS = 5
"""By how much the priority of a job is lower, so that the map stays quick."""


@dataclass(frozen=True)
class Task:
    """What a process is to make; names and settings, so that it can be sent there.

    Attributes:
        origin: from what.
        wanted: which tiles of an ARD may be shown.
        look: its look.
        weights: what `load_model` takes.
        profile: of the file.
        follow_links: whether links may lead out of an ARD.
        mosaic: `cog` for one pass in one zone, in its own CRS; `event` for all, in Web Mercator.
        area: a GeoJSON file.
        output: the picture to write.
    """

    origin: PassOrigin
    wanted: Wanted
    look: Look
    weights: str | None
    profile: str
    follow_links: bool
    mosaic: Literal["cog", "event"] = "cog"
    area: Path = Path()
    output: Path = Path()


def work(task: Task, pipe: Connection) -> None:
    """Do a task.

    The pipe gets the share that is done, 0..1, again and again; then None, or why it failed.
    """
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(os, "nice"):
        os.nice(POLITENESS)
    try:
        make_picture(task, pipe.send)
    except Exception as error:
        pipe.send(redact(one_line(error)))
    else:
        pipe.send(None)


def _leave(number: int, frame: FrameType | None) -> None:
    """Clean up: unfinished files are removed on the way."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)


def make_picture(task: Task, report: Callable[[float], None]) -> None:
    """Make the picture of a task.

    Args:
        task: the task.
        report: called with the share that is done, 0..1.

    Raises:
        PotatoError: if `fuse` or `fuse_ard` refuse, or a tile fails.
    """
    if task.origin.cids:
        _from_ard(task, report)
        return
    fuse(
        task.origin.source,
        task.origin.mul,
        task.output,
        reading=task.origin.reading,
        aoi=task.area,
        weights=task.weights,
        look=task.look,
        profile=task.profile,
        progress=report,
    )


def tiles_folder(output: Path) -> Path:
    """The folder in which the tiles of a picture are made, before they are joined."""
    return output.with_suffix(".tiles")


def _from_ard(task: Task, report: Callable[[float], None]) -> None:
    """Sharpen the tiles of an area, join them, and keep the mosaic alone."""
    folder = tiles_folder(task.output)
    try:
        done = fuse_ard(
            task.origin.source,
            folder,
            cids=task.origin.cids,
            aoi=task.area,
            dates=task.wanted.dates,
            max_clouds=task.wanted.clouds,
            mosaic=task.mosaic,
            order=task.origin.cids if task.mosaic == "event" else (),
            weights=task.weights,
            look=task.look,
            profile=task.profile,
            follow_links=task.follow_links,
            workers=0,  # a process of its own is there already
            progress=report,
        )
        assert isinstance(done, FusedArd)
        if done.failed:
            raise InputError(f"{done.failed[0].tile}: {done.failed[0].reason}")
        mosaics = sorted((folder / "mosaic").rglob("*.tif"))
        if not mosaics:
            raise InputError("expected an area with ground of the pass, found none in it")
        mosaics[0].replace(task.output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
