"""Opening an executor: jobs in this thread, in threads, in processes, or on a Dask cluster.

    with open_executor(workers, cluster) as executor:
        for window, result in executor.map(windows, work, reader):
            ...

`potato.engine.jobs.Executor` documents `run` and `map`, which promise the same for every kind.
"""

import contextlib
from collections.abc import Iterator
from typing import Literal

from potato.engine.dask import open_cluster
from potato.engine.jobs import Executor
from potato.engine.processes import Processes
from potato.engine.threads import Serial, Threads, available_cores


@contextlib.contextmanager
def open_executor(
    workers: int | None = None,
    cluster: str | None = None,
    *,
    kind: Literal["serial", "threads", "processes"] = "threads",
) -> Iterator[Executor]:
    """Open an executor; at the end it is closed, as is a cluster that was started for it.

    Args:
        workers: jobs to do at once; None for one per core that this process may use. With 0
            processes jobs run in this one, where a crash ends everything. For a scheduler's cluster
            it is the least number of jobs handed out, so that a cluster that grows on demand sees
            the demand.
        cluster: `local`, or the address of a Dask scheduler, such as `tcp://10.0.0.1:8786`;
            overrules `kind`. None for no cluster.
        kind: `threads` of this process, for work that releases the interpreter's lock; `processes`
            of this machine, for work that may crash; `serial`, in the caller's thread.

    Raises:
        ClusterError: if Dask isn't installed, `cluster` is no address, or nothing answers there.
    """
    with contextlib.ExitStack() as stack:
        executor: Executor
        if cluster is not None:
            executor = stack.enter_context(open_cluster(cluster, workers))
        elif kind == "serial" or (kind == "processes" and workers == 0):
            executor = Serial()
        else:
            executor = {"threads": Threads, "processes": Processes}[kind](workers or available_cores())
        stack.callback(executor.close)
        yield executor
