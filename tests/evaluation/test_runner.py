"""`potato evaluate` and `potato.evaluate`: options, outputs, threshold."""

import json
import sys

import pytest

import potato
from potato.errors import InputError, OutputExists
from potato.evaluation.protocols import Protocols
from potato.raster.pictures import read_photograph

QUICK = ("--baselines", "predictor", "-q", "--json")
PLAIN = Protocols(halvings=(0,), displacements=(), full=False, literature=False, mtf=False)


def test_the_table_is_printed_and_json_holds_the_provenance(run, pair, tmp_path, weights, network):
    target = tmp_path / "found.json"
    options = ("-w", weights, "--baselines", "gsa,predictor", "--protocol", "plain", "--halvings", "0")
    result = run("evaluate", pair.pan, pair.mul, *options, "--json-file", target)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len({len(line) for line in lines[1:5]}) == 1, "columns are aligned"
    assert lines[-1].startswith("mean ΔE of mine, plain ds0: ")
    found = json.loads(target.read_text("utf-8"))
    assert found["provenance"]["weights"] == {
        "name": "mine",
        "digest": network.model().digest,
    }
    assert found["provenance"]["baselines"] == ["gsa", "predictor"]
    assert found["inputs"]["pan"].endswith("x-pan.tif")
    assert run("evaluate", pair.pan, pair.mul, *options, "-q").stdout == ""


def test_a_headline_above_the_threshold_ends_with_exit_code_3(run, pair):
    options = (pair.pan, pair.mul, "--protocol", "plain", "--halvings", 0, "--no-literature", *QUICK)
    mean = json.loads(run("evaluate", *options).stdout)["headline"]["jnd"]
    assert run("evaluate", *options, "--fail-above", mean * 1.001).exit_code == 0
    assert run("evaluate", *options, "--fail-above", mean * 0.999).exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected one of PAN MUL, --chips"),
        (("--chips", "x", "--pictures", "a", "b"), "found --chips and --pictures"),
        (("a", "b", "--chips", "x"), "found PAN MUL and --chips"),
        (("a",), "expected PAN and MUL, found 1"),
        (("a", "b", "c"), "found 3"),
        (("--chips", "x", "--halvings", "1"), "--halvings means nothing with --chips"),
        (("--pictures", "a", "b", "--weights", "w"), "--weights means nothing with --pictures"),
        (("--registration", "a", "b", "--fail-above", "1"), "--fail-above means nothing"),
        (("--reflectances", "x", "--window", "0", "0", "4", "4"), "--window means nothing"),
        (("a", "b", "--protocol", "full", "--halvings", "1"), "expected --protocol plain"),
        (("a", "b", "--protocol", "plain", "--displacement", "1"), "expected --protocol displaced"),
    ],
)
def test_options_that_conflict_are_usage_errors(run, arguments, message):
    result = run("evaluate", *arguments)
    assert result.exit_code == 2 and message in result.stderr


def test_existing_outputs_are_refused_before_the_work_and_replaced_on_request(
    run, pair, tmp_path, monkeypatch
):
    target, plots = tmp_path / "out.json", tmp_path / "plots"
    options = (pair.pan, pair.mul, "--protocol", "plain", "--halvings", 0, "--baselines", "predictor", "-q")
    options = (*options, "--json-file", target, "--plots", plots)
    assert run("evaluate", *options).exit_code == 0
    assert sorted(path.name for path in plots.iterdir()) == ["bars.png", "histogram.png", "map.png"]
    for path in plots.iterdir():
        assert min(read_photograph(path).shape[1:]) > 150
    target.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("potato.evaluation.runner.evaluate_pair", lambda *_, **__: pytest.fail("worked"))
        result = run("evaluate", *options)
        assert result.exit_code == 1 and "--overwrite" in result.stderr and not target.exists()
    before = (plots / "map.png").read_bytes()
    assert run("evaluate", *options, "--overwrite").exit_code == 0
    assert (plots / "map.png").read_bytes() == before, "equal figures give equal bytes"


def test_plots_without_matplotlib_are_refused_in_one_line(run, pair, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("evaluate", pair.pan, pair.mul, "--plots", tmp_path / "plots")
    assert result.exit_code == 1 and "pip install 'potato-pansharp[plots]'" in result.stderr
    assert not (tmp_path / "plots").exists()


def test_potato_evaluate_returns_figures_and_refuses_missing_inputs_and_existing_outputs(pair, tmp_path):
    found = potato.evaluate(pair.pan, pair.mul, baselines=("predictor",), protocols=PLAIN)
    assert found.mode == "pair" and "plain ds0" in str(found)
    with pytest.raises(InputError, match="expected one of"):
        potato.evaluate()
    with pytest.raises(InputError, match="expected one of"):
        potato.evaluate(pair.pan)
    (tmp_path / "there.json").write_text("{}")
    with pytest.raises(OutputExists):
        potato.evaluate(pair.pan, pair.mul, json_file=tmp_path / "there.json")
