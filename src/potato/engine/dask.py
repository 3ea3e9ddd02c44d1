"""Jobs through the workers of a Dask cluster: one of this machine, or one that a scheduler gathers from many.

The same promises as `run_jobs` makes with processes of its own. What travels is names and settings; a worker
opens images itself, by name, so every machine must see them, and the output, at the same path or address.

A worker does one job at a time, in as many threads as it was given. When it dies, Dask gives its job to
another; a job that killed several is given up.
"""

import contextlib
import ctypes
import functools
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar

from potato.core.text import redact
from potato.engine.processes import Lost, attempt
from potato.engine.threads import available_cores
from potato.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

Job = TypeVar("Job")
Result = TypeVar("Result")

LOCAL = "local"
"""The name of the cluster that is started on this machine for the time of a run."""

MEMORY = 2 << 30
"""Bytes that a worker of that cluster may have; before it has more it is ended, and its job done again. A
tile takes some 0.7 GB at any size."""

PATIENCE = 30.0
"""Seconds for a scheduler to answer: one that starts in the same job takes a while."""

PACKAGES = ("potato", "torch", "rasterio")
"""What must be alike on all machines, since pixels depend on it; `+cpu` and the like aside."""

LOOK = 10.0
"""Seconds without a result after which it is asked whether there is still somebody to wait for."""

GRACE = 300.0
"""Seconds in which Dask may start workers of this machine afresh: much on a busy one."""

LEFT = f"expected workers, found none for {GRACE:.0f} s; is there too little memory? repeat the command"

GONE = "expected the cluster to stay, found its scheduler gone; repeat the command"

KEPT = {-1: 256 << 20, -3: 32 << 20}
"""What the C library keeps of freed memory, about as it does by itself: 256 MB at the end of the heap
(M_TRIM_THRESHOLD), and all blocks below 32 MB (M_MMAP_THRESHOLD)."""

_TURN = threading.Lock()
"""Held by the job at work in a worker: settings of torch and counters of GDAL belong to a whole process."""


@contextlib.contextmanager
def open_cluster(where: str | None, workers: int | None = None) -> Iterator["Cluster | None"]:
    """Reach a cluster, or start one; it is left, or ended, at the end.

    Args:
        where: `local`, or the address of a scheduler, such as `tcp://10.0.0.1:8786`; None for no cluster.
        workers: of `local`, how many processes; None for one per core that this process may use. Of others,
            how many jobs to hand out at the least, so that a cluster that grows by need knows the need.

    Raises:
        ClusterError: if Dask isn't installed, the address is none, or nobody answers there.
    """
    if where is None:
        yield None
        return
    if where != LOCAL and not where.startswith(("tcp://", "tls://")):
        raise ClusterError(f"expected {LOCAL} or the address of a scheduler, tcp://host:8786, found {where}")
    try:
        import distributed
    except ImportError as error:
        raise ClusterError(
            f"expected Dask, which --cluster {where} needs, found it missing; pip install 'potato[dask]'"
        ) from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(_quiet())
        address: Any = where
        if where == LOCAL:
            count = max(1, available_cores() if workers is None else workers)
            address = distributed.LocalCluster(
                n_workers=count,
                threads_per_worker=max(1, available_cores() // count),
                memory_limit=MEMORY,
                # Any free port: that of the dashboard is often taken.
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
            stack.callback(_end, address)
        try:
            client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"{where}: expected a Dask scheduler there, found none that answers in {PATIENCE:.0f} s; "
                "start one (dask scheduler), or check the address"
            ) from error
        local = where == LOCAL
        yield Cluster(stack.enter_context(client), 1 if local else workers or 1, grows=not local)


class Cluster:
    """A cluster that can be given jobs; see `open_cluster`.

    Args:
        client: of a scheduler.
        least: how many jobs are handed out even if there are fewer workers.
        grows: whether workers may come at any time, so that to have none is no fault.
    """

    def __init__(self, client: "Client", least: int, grows: bool = True) -> None:
        self._client, self._least, self._grows = client, least, grows

    @property
    def workers(self) -> int:
        """How many there are now."""
        return len(self._threads())

    @property
    def threads(self) -> int:
        """In how many threads a job may compute: as many as the least of the workers has."""
        return min(self._threads(), default=1)

    def run(
        self, jobs: Iterable[Job], function: Callable[[Job], Result]
    ) -> Generator[tuple[Job, Result | Lost]]:
        """Do jobs; results come as they are ready.

        Args:
            jobs: what to do; small, to be pickled. Each is pulled when a worker is free for it.
            function: does one; to be pickled. It goes to each worker once, so it may know much.

        Yields:
            Each job with its result, or `Lost`. When the caller stops early, what isn't begun never is.

        Raises:
            ClusterError: if the scheduler or all workers are lost, or a worker isn't fit for the work.
        """
        waiting = iter(jobs)
        pending: dict[Any, tuple[Job, Future[Any]]] = {}
        finished: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        # A task of its own, and not part of each: it is computed again wherever it is missing.
        tool = self._client.submit(_same, function, pure=False)
        try:
            while True:
                room = max(self.workers, self._least) - len(pending)
                for _, job in zip(range(room), waiting, strict=False):
                    future = self._client.submit(_do, tool, job, pure=False)
                    pending[future.key] = job, future
                    future.add_done_callback(finished.put)
                if not pending:
                    return
                future = self._wait(finished)
                job, _ = pending.pop(future.key)
                yield job, self._outcome(future)
        finally:
            if self._client.status == "running":
                self._client.cancel([future for _, future in pending.values()])

    def _wait(self, finished: "queue.SimpleQueue[Future[Any]]") -> "Future[Any]":
        """The next that is finished; ClusterError if there is nobody left who could finish one."""
        since = time.monotonic()
        while True:
            try:
                return finished.get(timeout=LOOK)
            except queue.Empty:
                now = time.monotonic()
                if self._threads() or self._grows:
                    since = now
                elif now - since > GRACE:
                    raise ClusterError(LEFT) from None

    def _threads(self) -> list[int]:
        # A client that has lost its scheduler tries to find it again; its jobs are forgotten all the same.
        if self._client.status != "running":
            raise ClusterError(GONE)
        try:
            return list(self._client.nthreads().values())
        except OSError as error:
            raise ClusterError(GONE) from error

    def _outcome(self, future: "Future[Any]") -> Any:
        from distributed import KilledWorker

        if future.status not in ("finished", "error"):
            raise ClusterError(GONE)
        try:
            versions, result = future.result()
        except KilledWorker as error:
            return Lost(f"its worker died, {error.allowed_failures + 1} times; is there too little memory?")
        except Exception as error:
            # The job catches its own; so it never began.
            reason = redact(f"{type(error).__name__}: {' '.join(str(error).split())}")
            raise ClusterError(f"a worker of the cluster can't do the work: {reason}") from error
        here = _versions()
        if versions != here:
            raise ClusterError(
                f"expected workers with {_told(here)}, as here, found one with {_told(versions)}; "
                "install the same there"
            )
        return result


def _end(cluster: "LocalCluster") -> None:
    """Close a cluster. On a busy machine its workers may take longer than Dask waits; it kills them then."""
    with contextlib.suppress(TimeoutError):
        cluster.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's log off the terminal: what is to be said of a run, its result says."""
    # Several of its loggers have levels of their own.
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]
    levels = {log: log.level for log in map(logging.getLogger, names)}
    for log in levels:
        log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for log, level in levels.items():
            log.setLevel(level)


def _same(function: Any) -> Any:
    return function


def _do(function: Callable[[Any], Any], job: Any) -> tuple[dict[str, str], Any]:
    """A job, at a worker: with what, and its result."""
    with _TURN:
        _keep_memory()
        return _versions(), attempt(function, job)


@functools.cache
def _keep_memory() -> None:
    """Let a worker use its memory again, as other processes do.

    Dask starts workers with `MALLOC_TRIM_THRESHOLD_=65536`: each freed block goes back to the system and is
    fetched anew for the next, which takes as long as the sharpening.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # not glibc
        library = ctypes.CDLL(None)
        for option, size in KEPT.items():
            library.mallopt(option, size)


def _versions() -> dict[str, str]:
    return {name: metadata.version(name).split("+")[0] for name in PACKAGES}


def _told(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
