"""Checkpoints: written whole, read safely, refused in one line."""

import dataclasses
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from networks import SHIPPED, random_network
from potato.core.band_sets import BAND_SETS
from potato.core.sensor_table import (
    FOUR_BANDS,
    GEOEYE_1,
    LANDSAT_7,
    LANDSAT_BGRN,
    QUICKBIRD_2,
    SENSORS,
    WORLDVIEW_2,
    WORLDVIEW_3,
)
from potato.errors import WeightsError
from potato.model import weights
from potato.model.model import Architecture
from potato.model.network import Sharpener
from potato.model.weights import (
    default_weights,
    load_model,
    portable_weights,
    save_model,
    shipped_weights,
)


def test_a_model_shows_its_sizes_not_its_numbers():
    assert "width=32" in repr(load_model()) and len(repr(load_model())) < 300


def test_save_then_load_is_the_identity(tmp_path: Path, network):
    path = tmp_path / "a.safetensors"
    save_model(network, path, {"name": "test", "scores": {"jnd": 1.5}})
    again = load_model(path)
    assert again.architecture == network.architecture
    assert again.digest == network.model().digest
    assert load_model(path).card["scores"] == {"jnd": 1.5}
    assert json.loads((tmp_path / "a.json").read_text()) == load_model(path).card
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.json", "a.safetensors"]


def test_pt_file_of_tensors_loads(tmp_path: Path, network):
    path = tmp_path / "a.pt"
    card = json.dumps({"architecture": {"width": 8, "depth": 3, "mul_sharpness": True}})
    torch.save({"card": card, "state_dict": network.state_dict()}, path)
    assert load_model(path).digest == network.model().digest


@pytest.mark.parametrize("name", shipped_weights())
def test_shipped_weights_serve_the_sensors_of_their_band_set(name):
    model = load_model(name)
    assert model.card["name"] and model.card["description"] and model.card["digest"] == model.digest
    (sensors,) = (each.sensors for each in BAND_SETS if each.name == name)
    assert model.architecture.depth and {default_weights(sensor) for sensor in sensors} == {name}


def test_weights_of_worldview_are_the_default():
    assert load_model().digest == load_model("worldview").digest == load_model(None, WORLDVIEW_3).digest


def test_a_sensor_is_served_by_the_shipped_weights_that_fit_it(ship):
    made = {name: random_network(sensor) for name, sensor in SHIPPED.items()}
    ship(**made)
    for sensor in SENSORS:
        fitting = {name: one for name, one in made.items() if one.architecture.fits(sensor)}
        assert default_weights(sensor) == next(iter(fitting), "predictor")
        digest = next((one.model().digest for one in fitting.values()), load_model("predictor").digest)
        assert load_model(None, sensor).digest == digest
        assert load_model(sensor=dataclasses.replace(sensor, ratio=6)).architecture.depth == 0
    assert {default_weights(sensor) for sensor in (LANDSAT_7, LANDSAT_BGRN)} == {"landsat-bgrn"}


def test_shipped_weights_are_read_once_and_by_name(ship, tmp_path, monkeypatch):
    ship(bgrn=random_network(FOUR_BANDS))
    read, read_file = [], weights._read
    monkeypatch.setattr(weights, "_read", lambda path: read.append(path) or read_file(path))
    for _ in range(2):
        assert load_model(None, GEOEYE_1) is load_model("bgrn") is load_model(None, QUICKBIRD_2)
    assert len(read) == 1
    with pytest.raises(WeightsError, match=r"for WorldView-2 .*found weights for blue, green"):
        load_model("bgrn", WORLDVIEW_2)
    with pytest.raises(WeightsError, match=r"legion: .*shipped weights \('bgrn'\) or 'predictor'"):
        load_model("legion")
    monkeypatch.chdir(tmp_path)
    for name in ("w.safetensors", "bgrn"):
        Path(name).touch()
    kept = [portable_weights(name) for name in ("bgrn", "predictor", None, "w.safetensors", Path("bgrn"))]
    assert kept == ["bgrn", "predictor", None, str(tmp_path / "w.safetensors"), str(tmp_path / "bgrn")]


def test_a_session_stands_for_its_best_epoch_or_its_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sessions", "mine").mkdir(parents=True)
    for epoch in (0, 2, 10):
        save_model(random_network(std=0.01 * (epoch + 1)), Path("sessions", "mine", f"{epoch}.safetensors"))
    last, second = (load_model(Path("sessions", "mine", f"{epoch}.safetensors")) for epoch in (10, 2))
    assert load_model("mine").digest == last.digest != second.digest == load_model("mine/2").digest
    assert portable_weights("mine") == str(tmp_path / "sessions" / "mine" / "10.safetensors")
    Path("sessions", "mine", "best.safetensors").write_bytes(
        Path("sessions", "mine", "2.safetensors").read_bytes()
    )
    assert load_model("mine").digest == second.digest
    assert load_model("sessions/mine").digest == second.digest != load_model("sessions/mine/10").digest


def test_bare_predictor_needs_no_file():
    assert load_model("predictor").architecture.depth == 0


def test_digests_differ_for_different_weights(network):
    other = Sharpener(network.architecture)
    other.load_state_dict({name: tensor + 1 for name, tensor in network.state_dict().items()})
    assert other.model().digest != network.model().digest
    assert Sharpener(Architecture(depth=0)).model().digest != network.model().digest


class Bomb:
    """An object whose unpickling makes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


def damaged(kind: str, folder: Path, network: Sharpener) -> Path:
    path = folder / ("a.pt" if "pickle" in kind else "a.safetensors")
    card = {"card": json.dumps({"architecture": {"width": 8, "depth": 3}})}
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    match kind:
        case "text":
            path.write_text("these are not weights")
        case "empty":
            path.write_bytes(b"")
        case "huge header":
            path.write_bytes((2**62).to_bytes(8, "little") + b"{}")
        case "pickle with code":
            path.write_bytes(pickle.dumps({"card": "{}", "state_dict": Bomb(folder / "trace")}))
        case "torch pickle with code":
            torch.save({"card": "{}", "state_dict": Bomb(folder / "trace")}, path)
        case "no card":
            save_file(state, path)
        case "card is a list":
            save_file(state, path, {"card": "[]"})
        case "no architecture":
            save_file(state, path, {"card": "{}"})
        case "other sizes":
            save_file(state, path, {"card": json.dumps({"architecture": {"width": 9, "depth": 3}})})
        case "absurd sizes":
            save_file(state, path, {"card": json.dumps({"architecture": {"width": 10**9, "depth": 3}})})
        case "unknown setting":
            save_file(state, path, {"card": json.dumps({"architecture": {"layers": 3}})})
        case "a layer missing":
            state.popitem()
            save_file(state, path, card)
        case "NaN":
            state["layers.1.weight"][0, 0, 0, 0] = float("nan")
            save_file(state, path, card)
        case "cut short":
            save_file(state, path, card)
            path.write_bytes(path.read_bytes()[:-100])
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "text",
        "empty",
        "huge header",
        "pickle with code",
        "torch pickle with code",
        "no card",
        "card is a list",
        "no architecture",
        "other sizes",
        "absurd sizes",
        "unknown setting",
        "a layer missing",
        "NaN",
        "cut short",
    ],
)
def test_damaged_file_is_refused_in_one_line_and_runs_no_code(kind, tmp_path: Path, network):
    path = damaged(kind, tmp_path, network)
    with pytest.raises(WeightsError) as caught:
        load_model(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    assert not (tmp_path / "trace").exists(), "code in the file was run"


def test_missing_file_is_named_in_the_error(tmp_path: Path):
    with pytest.raises(WeightsError, match="no such file"):
        load_model(tmp_path / "nothing.safetensors")
