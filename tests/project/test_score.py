"""The command that scores a checkpoint."""

import json
import sys

import pytest

import potato
from robustness import TRIALS


def test_score_writes_every_section_and_exits_with_3_for_random_weights(tmp_path, monkeypatch, network):
    pytest.importorskip("earthlib")
    import score

    potato.save_model(network, tmp_path / "mine.safetensors")
    outputs = ["--json", str(tmp_path / "score.json"), "--markdown", str(tmp_path / "score.md")]
    settings = ["--scenes", "1", "--size", "128", "--baselines", "predictor", "--data", str(tmp_path)]
    weights = ["--weights", str(tmp_path / "mine.safetensors")]
    monkeypatch.setattr(sys, "argv", ["score.py", *settings, *outputs, *weights])
    assert score.main() == 3, "random weights don't keep flat fields as they are"
    document = json.loads((tmp_path / "score.json").read_text("utf-8"))
    assert set(document["sections"]) == {"scenes by ground", "scenes by kind", "robustness", "flat fields"}
    assert len(document["left_out"]) == 2
    kinds = document["sections"]["scenes by kind"]["rows"]
    assert kinds["everything"]["ratio"] == pytest.approx(
        kinds["everything"]["mine"] / kinds["everything"]["predictor"]
    )
    assert list(document["sections"]["robustness"]["rows"]) == [trial.name for trial in TRIALS]
    assert "| everything |" in (tmp_path / "score.md").read_text("utf-8")
    beyond = {name: row["beyond"] for name, row in document["sections"]["flat fields"]["rows"].items()}
    assert beyond["predictor"] == 0 < beyond["mine"]
