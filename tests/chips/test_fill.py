import pytest

import worker_jobs
from potato.chips.fill import fill_series
from potato.engine.executor import open_executor
from potato.errors import ChipError


def test_a_dead_worker_process_is_a_chip_error(tmp_path):
    with (
        open_executor(2, kind="processes") as executor,
        pytest.raises(ChipError, match=r"chip -3 failed: its worker ended with exit code 7"),
    ):
        fill_series(tmp_path, (), range(-3, -2), worker_jobs.double, executor, progress=False)
