"""Jobs in the workers of a Dask cluster: one on this machine, or one that a scheduler manages.

Only jobs travel: names and settings. A worker opens images itself, by name, so every machine must
see them, and the output folder, at the same path or address.

A worker does one job at a time, in as many threads as it was started with. When it dies, Dask gives
its job to another; a job that killed several workers is given up.
"""

import contextlib
import functools
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from potato.core.installation import VERSION, install_command
from potato.core.text import counted, one_line, redact
from potato.engine.children import LEFT_TO_PARENT, blocked, without_script
from potato.engine.interrupts import held_back
from potato.engine.jobs import Executor, Job, Lost, Result, attempt
from potato.engine.memory import reuse_freed_memory
from potato.engine.process_state import SharedChange
from potato.engine.threads import available_cores
from potato.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

LOCAL = "local"
"""Name of the cluster that is started on this machine for one run."""

MEMORY_BYTES = 2 << 30
"""Memory limit of a worker of that cluster. Dask ends a worker before it exceeds the limit and does
its job again. A tile of any size takes about 0.4 GB."""

PACKAGES = ("torch", "rasterio")
"""Packages whose versions must agree, as Potato's own must, on all machines that have them, since
pixels depend on them; local parts of a version, such as `+cpu`, may differ."""

NO_PAGES: dict[str, list[str]] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
"""Dask's configuration by which it serves nothing over HTTP."""

SCHEDULER_GONE = "expected the cluster to stay, found its scheduler gone; repeat the command"

_job_lock = threading.Lock()
"""Held by the job at work in a worker, since torch's settings and GDAL's counters are shared."""


@dataclass(frozen=True)
class Waits:
    """How long to wait for a cluster.

    Attributes:
        connect: seconds for a scheduler to answer; one that starts in the same batch job is slow.
        check: seconds without a result after which workers are counted.
        restart: seconds in which Dask may restart workers of this machine; a busy one takes long.
    """

    connect: float = 30.0
    check: float = 10.0
    restart: float = 300.0


DEFAULT_WAITS = Waits()


@contextlib.contextmanager
def open_cluster(where: str, workers: int | None = None, waits: Waits = DEFAULT_WAITS) -> "Iterator[Cluster]":
    """Connect to a cluster, or start one on this machine, which is ended at the end.

    Args:
        where: `local`, or the address of a scheduler, such as `tcp://10.0.0.1:8786`.
        workers: of `local`, the number of processes; None for one per core that this process may
            use. Of a scheduler, how many jobs to hand out at least, so that a cluster that grows
            on demand sees the demand.
        waits: how long to wait for it.

    Raises:
        ClusterError: if Dask isn't installed, `where` is no address, or nothing answers there.
    """
    if where != LOCAL and not where.startswith(("tcp://", "tls://")):
        raise ClusterError(f"expected {LOCAL} or the address of a scheduler, tcp://host:8786, found {where}")
    try:
        import distributed
    except ImportError as error:
        raise ClusterError(
            f"expected Dask, which --cluster {where} needs, found it missing; {install_command('dask')}"
        ) from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(_QUIET.held())
        address: Any = where
        local = where == LOCAL
        if local:
            address = _start_local(max(1, available_cores() if workers is None else workers))
            stack.callback(_end, address)
        try:
            client = distributed.Client(address, timeout=waits.connect, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"{where}: expected a Dask scheduler there, found none that answers in "
                f"{waits.connect:.0f} s; start one (dask scheduler), or check the address"
            ) from error
        stack.enter_context(client)
        yield Cluster(client, 1 if local else workers or 1, grows=not local, waits=waits)


class Cluster(Executor):
    """Jobs in the workers of a cluster; made by `open_cluster`.

    Args:
        client: connected to a scheduler.
        least: how many jobs are handed out even if there are fewer workers.
        grows: whether workers may join at any time, so that a cluster without any is no error.
        waits: how long to wait for workers.
    """

    def __init__(
        self, client: "Client", least: int, grows: bool = True, waits: Waits = DEFAULT_WAITS
    ) -> None:
        super().__init__(least)
        self._client, self._least, self._grows, self._waits = client, least, grows, waits

    @property
    def workers(self) -> int:
        """The number of workers at this moment."""
        return len(self._worker_threads())

    def threads_per_job(self, jobs: int) -> int:
        """The number of threads of the worker that has the fewest."""
        return min(self._worker_threads(), default=1)

    def _run(
        self, jobs: Iterable[Job], function: Callable[[Job], Result]
    ) -> Generator[tuple[Job, Result | Lost]]:
        """Do jobs; `function` goes to each worker once, so it may hold much.

        Raises:
            ClusterError: if the scheduler or all workers are lost, or a worker has other versions
                of Potato or `PACKAGES`.
        """
        waiting = iter(jobs)
        pending: dict[Any, tuple[Job, Future[Any]]] = {}
        finished: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        # Sent once, not with each job; Dask computes this task again where its result is missing.
        sent = self._client.submit(_same, function, pure=False)
        try:
            while True:
                room = max(self.workers, self._least) - len(pending)
                for _, job in zip(range(room), waiting, strict=False):
                    future = self._client.submit(_do, sent, job, pure=False)
                    pending[future.key] = job, future
                    future.add_done_callback(finished.put)
                if not pending:
                    return
                future = self._next(finished)
                job, _ = pending.pop(future.key)
                yield job, self._outcome(future)
        finally:
            if self._client.status == "running":
                self._client.cancel([future for _, future in pending.values()])

    def _next(self, finished: "queue.SimpleQueue[Future[Any]]") -> "Future[Any]":
        """The next finished job; ClusterError if no worker is left that could finish one."""
        since = time.monotonic()
        while True:
            try:
                return finished.get(timeout=self._waits.check)
            except queue.Empty:
                now = time.monotonic()
                if self._worker_threads() or self._grows:
                    since = now
                elif now - since > self._waits.restart:
                    raise ClusterError(
                        f"expected workers, found none for {self._waits.restart:.0f} s; "
                        "is there too little memory? repeat the command"
                    ) from None

    def _worker_threads(self) -> list[int]:
        """The number of threads of each worker."""
        # A client that lost its scheduler tries to find it again, but its jobs are forgotten.
        if self._client.status != "running":
            raise ClusterError(SCHEDULER_GONE)
        try:
            return list(self._client.nthreads().values())
        except OSError as error:
            raise ClusterError(SCHEDULER_GONE) from error

    def _outcome(self, future: "Future[Any]") -> Any:
        from distributed import KilledWorker

        if future.status not in ("finished", "error"):
            raise ClusterError(SCHEDULER_GONE)
        try:
            versions, result = future.result()
        except KilledWorker as error:
            times = error.allowed_failures + 1
            return Lost(f"its worker died, {times} times; is there too little memory?", died=True)
        except Exception as error:
            # `attempt` catches whatever a job raises, so this one never began.
            reason = redact(f"{type(error).__name__}: {one_line(error)}")
            raise ClusterError(f"a worker of the cluster can't do the work: {reason}") from error
        here = _versions()
        if any(versions[name] != here[name] for name in versions.keys() & here.keys()):
            raise ClusterError(
                f"expected workers with {_listed(here)}, as here, found one with {_listed(versions)}; "
                "install the same there"
            )
        return result


def _start_local(workers: int) -> "LocalCluster":
    """Start a cluster on this machine that no other user of it can use.

    Whoever reaches a scheduler runs code in it. So all of its connections ask for a key that is
    made for this run and never written to a file, and it serves no pages.
    """
    import dask
    import distributed

    try:
        own = distributed.Security.temporary()
    except ImportError as error:
        raise ClusterError(
            f"expected cryptography, by which --cluster {LOCAL} keeps others out, found it missing; "
            f"{install_command('dask')}"
        ) from error

    class Nanny(distributed.Nanny):
        """Starts a worker, again if it dies, which runs no script again."""

        async def instantiate(self) -> distributed.Status:
            with without_script():
                return await super().instantiate()

    # Ctrl-C must not end workers before this process lets them clean up, nor reach Dask's own code.
    quiet = SharedChange(lambda: dask.config.set(NO_PAGES)).held()
    with quiet, held_back(), blocked(LEFT_TO_PARENT):
        try:
            return distributed.LocalCluster(
                worker_class=Nanny,
                n_workers=workers,
                threads_per_worker=max(1, available_cores() // workers),
                memory_limit=MEMORY_BYTES,
                security=own,
                # Any free port: the usual one is often taken.
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
            )
        except (OSError, RuntimeError) as error:
            raise ClusterError(
                f"expected {counted(workers, 'worker')} of a cluster to start here, found that they can't: "
                f"{redact(one_line(_first(error)))}; leave out --cluster to work without Dask"
            ) from error


def _first(error: BaseException) -> BaseException:
    """The error that led to an error, over others while it was handled."""
    while before := error.__cause__ or error.__context__:
        error = before
    return error


def _end(cluster: "LocalCluster") -> None:
    """Close a cluster. Dask kills workers of a busy machine that take longer than it waits."""
    with contextlib.suppress(TimeoutError):
        cluster.close()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep Dask's log off the terminal; the run's result says all that matters."""
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


_QUIET = SharedChange(_silence)


def _same(function: Any) -> Any:
    return function


def _do(function: Callable[[Any], Any], job: Any) -> tuple[dict[str, str], Any]:
    """Do a job in a worker: the versions of its packages, and the result."""
    with _job_lock:
        reuse_freed_memory()
        return _versions(), attempt(function, job)


@functools.cache
def _versions() -> dict[str, str]:
    """The versions of Potato and of installed `PACKAGES`; reading them takes milliseconds."""
    found = {"potato": VERSION}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name).split("+")[0]
    return found


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
