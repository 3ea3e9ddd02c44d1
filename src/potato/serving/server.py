"""Running the server in a thread of this process, from scripts and notebooks too."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import uvicorn
from fastapi import FastAPI

from potato.core.types import PathLike
from potato.errors import InputError, OutputError
from potato.model.weights import PREDICTOR, load_model, portable_weights, shipped_weights
from potato.raster.layer import Reading
from potato.serving.application import Rules, make_application
from potato.serving.job_list import JobList
from potato.serving.opening import open_catalogue
from potato.serving.painter import DEFAULT, Painter

ADDRESS = "127.0.0.1"
"""Only programs of this machine can reach the server."""


class Server:
    """A map of sources on this machine, in threads of this process; a context manager.

    Jobs have processes of their own.

    Args:
        sources: ARDs, deliveries, pairs (a pan, then its mul), finished pictures, folders that
            `fuse_ard` made.
        port: the port; 0 for any that is free.
        output: folder for pictures of areas that the page asks for; None to refuse these.
        weights: checkpoint files or names, further to those that are shipped.
        reading: how files are to be read, where they don't say it themselves.
        follow_links: whether images of an ARD may lie outside it where an item says so.
        cors: whether pages from elsewhere may read what the server gives.
        say: gets a line now and then while a large ARD is listed; None for silence.

    Attributes:
        address: `http://127.0.0.1:PORT/`.
        framed: whether notebooks of this machine may show the page in a frame.

    Raises:
        ArdError, DeliveryError, InputError, BandError, PairError: if a source is none of these.
        WeightsError: if weights can't be used.
        OutputError, OutputExists: if the folder can't be used, or the port is taken.

    Example:
        >>> with Server(["ards/demo"]) as server:  # doctest: +SKIP
        ...     print(server.address)
    """

    framed = False

    def __init__(
        self,
        sources: Sequence[PathLike],
        *,
        port: int = 0,
        output: PathLike | None = None,
        weights: Sequence[PathLike] = (),
        reading: Reading | None = None,
        follow_links: bool = False,
        cors: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> None:
        names = [os.fspath(source) for source in sources]
        if not names:
            raise InputError("expected something to show, found nothing; name an ARD, a delivery or a pair")
        with ExitStack() as stack:
            listener = stack.enter_context(contextlib.closing(_listen(port)))
            port = listener.getsockname()[1]
            jobs = None if output is None else JobList(output)
            if jobs is not None:
                stack.callback(jobs.close)
            folder = None if jobs is None else jobs.folder
            finding = open_catalogue(names, reading or Reading(), follow_links, folder, say)
            catalogue = stack.enter_context(finding)
            pictures = None if jobs is None else jobs.picture
            painter = Painter(catalogue, _weights_by_name(weights), pictures, follow_links)
            stack.callback(painter.close)
            hosts = frozenset({f"{ADDRESS}:{port}", f"localhost:{port}"})
            rules = Rules(hosts, cors, self.framed, follow_links)
            self._run(make_application(painter, jobs, rules), listener)
            stack.callback(self._end)
            self._stack = stack.pop_all()
        self.address = f"http://{ADDRESS}:{port}/"

    def _run(self, application: FastAPI, listener: socket.socket) -> None:
        config = uvicorn.Config(
            application,
            log_level="critical",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="potato-serve", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.01)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def wait(self) -> None:
        """Wait until the server has ended."""
        while self._thread.is_alive():
            self._thread.join(0.5)  # an interruption reaches a thread that waits for a while only

    def stop(self) -> None:
        """End the server, and close all files; once more does nothing."""
        self._stack.close()

    def _end(self) -> None:
        self._server.should_exit = True
        self._thread.join()


def _listen(port: int) -> socket.socket:
    """A socket that listens on a port; OutputError if it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # where it would let two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
    except OSError as error:
        listener.close()
        raise OutputError(
            f"expected a free port, found {port} in use ({error.strerror}); choose another (--port 0)"
        ) from error
    return listener


def _weights_by_name(weights: Sequence[PathLike]) -> dict[str, str | None]:
    """What `load_model` takes, by the names that requests give it; the first is the default."""
    found: dict[str, str | None] = {}
    for one in weights:
        load_model(one)
        path = portable_weights(one)
        found[Path(os.fspath(one)).stem] = path
    if not found:
        found[DEFAULT] = None
    return found | {name: name for name in (*shipped_weights(), PREDICTOR) if name not in found}
