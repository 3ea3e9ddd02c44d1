"""Batches and loader processes where none are asked for."""

from dataclasses import replace

import pytest
import torch

from potato.engine.threads import available_cores
from potato.model.network import Architecture
from potato.training.checkpoints import Session
from potato.training.defaults import chips_in, default_batch_size, default_micro_batch, default_workers
from potato.training.run import train
from training_runs import CPU, train_config

CUDA = torch.device("cuda")


def test_steps_on_a_cpu_are_small():
    assert default_batch_size(CPU) == 1 and default_workers(CPU) == 1
    assert default_micro_batch((512, 512), Architecture(), CPU) == 4


@pytest.mark.parametrize("device", [CPU, CUDA])
@pytest.mark.parametrize("processes", [1, 2, 3, 5, 64])
def test_any_number_of_processes_divides_the_default(device, processes):
    size = default_batch_size(device, processes)
    assert size % processes == 0 and 0 <= size - default_batch_size(device) < processes


@pytest.mark.parametrize("architecture", [Architecture(), Architecture(64, 8)])
def test_more_memory_holds_more_chips_and_larger_chips_need_more(architecture):
    counts = [chips_in(gigabytes << 30, (512, 512), architecture) for gigabytes in (0, 4, 16, 80)]
    assert counts == sorted(counts) and counts[0] == 1 and counts[1] < counts[2]
    assert counts[3] >= default_batch_size(CUDA), "a whole step fits a data-centre card"
    assert chips_in(16 << 30, (1024, 1024), architecture) == pytest.approx(counts[2] / 4, abs=1)
    wider = replace(architecture, width=256)
    assert chips_in(16 << 30, (512, 512), wider) < counts[2]


def test_processes_beside_one_gpu_each_share_the_cores(monkeypatch):
    alone = default_workers(CUDA)
    assert 1 <= alone < max(2, available_cores())
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1000")
    assert default_workers(CUDA) == 1


def test_session_keeps_its_batch_size_and_the_first_line_tells_it(pool, tmp_path):
    lines = []
    plan = train_config(tmp_path, pool, epoch_length=8, epochs=1, batch_size=2)
    train(plan, say=lines.append)
    train(replace(plan, batch_size=None, epochs=2), say=lines.append)
    assert Session(tmp_path / "s").batch_size == 2
    told = "2 chips in a step, 2 at once, on cpu; workers that read chips: 0"
    assert [line for line in lines if "in a step" in line] == [told] * 2
