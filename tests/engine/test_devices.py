import subprocess
import sys

import pytest

from potato.engine import devices
from potato.engine.devices import choose_device
from potato.errors import ExtraError, InputError


@pytest.mark.parametrize("torch", [True, False])
def test_a_name_of_no_device_is_refused_whether_or_not_pytorch_is_there(monkeypatch, torch):
    if not torch:
        monkeypatch.setattr(devices, "find_spec", lambda name: None)
    assert choose_device("cpu") == "cpu"
    with pytest.raises(InputError, match="expected a device such as auto, cpu, cuda or mps, found abacus"):
        choose_device("abacus")


@pytest.fixture
def gpu(monkeypatch):
    """A machine with a GPU that PyTorch can use."""
    monkeypatch.setattr(devices, "find_gpus", lambda: {"cuda:0": "Vector 9", "cuda:1": "Vector 9"})


def test_auto_takes_the_first_gpu_unless_the_cpu_is_done_before_it_is_ready(gpu):
    assert choose_device("auto") == "cuda:0"
    assert choose_device("auto", pixels=512 * 512) == "cpu"
    assert choose_device("auto", pixels=10**12) == "cuda:0"


@pytest.mark.parametrize("cores", [1, 2, 4, 8, 16])
def test_a_gpu_pays_where_both_take_equally_long(monkeypatch, cores):
    monkeypatch.setattr(devices, "available_cores", lambda: cores)
    pixels = devices.gpu_pays_from()
    on_cpu = pixels / (cores * devices.CPU_SPEED)
    assert on_cpu == pytest.approx(devices.GPU_START + pixels / devices.GPU_SPEED)


def test_a_gpu_never_pays_beside_more_cores_than_it_can_serve(gpu, monkeypatch):
    monkeypatch.setattr(devices, "available_cores", lambda: 64)
    assert choose_device("auto", pixels=10**12) == "cpu" and choose_device("auto") == "cuda:0"


def test_a_gpu_without_torch_asks_for_the_extra(monkeypatch):
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    with pytest.raises(ExtraError, match=r"expected PyTorch for the device cuda, found none: pip install"):
        choose_device("cuda")
    assert choose_device("auto") == "cpu" and choose_device("cpu") == "cpu"


def test_auto_loads_no_torch_where_nothing_shows_a_gpu():
    code = (
        "import sys; from potato.engine import devices; devices.may_have_gpu = lambda: False; "
        "assert devices.choose_device() == 'cpu' and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
