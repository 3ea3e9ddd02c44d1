"""The benchmarks of speed: pages have their figures, and scripts find what they look for."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import potato

REPOSITORY = Path(potato.__file__).parents[2]


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))


def run(script: str, *options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, REPOSITORY / "benchmarks" / script, *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_page_of_speed_has_the_figures_of_the_benchmarks():
    import speed_page

    assert speed_page.PAGE.read_text() == speed_page.page(), "run python benchmarks/speed_page.py"


def test_the_first_page_has_the_figures_of_the_benchmark_and_the_card():
    import front_page

    assert front_page.PAGE.read_text("utf-8") == front_page.page(), "run python benchmarks/front_page.py"


def test_tables_have_the_figures_that_they_are_given(tmp_path):
    import speed_page

    kept = {"machine": {"processor": "test", "cores": 2}}
    one, two = ({"cores": n, "mpx_per_second": 10.0 * n, "peak_mb": 300 + 50 * n} for n in (1, 2))
    curve = speed_page.cores({**kept, "size": 8192, "curves": {"tiled": [one, two], "gdal": [one, two]}})
    assert "| 2 | 20.0 | 20.0 | 400 MB |" in curve and "2 cores are 2.00 times as fast" in curve
    assert "Peak memory is 300 MB and 50 MB for each core" in curve
    before = {"tiled": {"mpx_per_second": 7.0}, "training": {"error": "no such option"}}
    steps = {"summary": {"step": {"chips_per_second": 600.0}}}
    after = {"tiled": {"mpx_per_second": 70.0}, "training": steps, "broken": {"error": "gone"}}
    many = speed_page.many({**kept, "gpu": "H100", "figures": {"before": before, "after": after}})
    assert "| tiled | 7.0 Mpx/s | 70.0 Mpx/s |" in many and "| training | – | 600 chips/s |" in many
    assert "broken" not in many and "2 cores and one H100" in many
    after["cores"] = {"curves": {"tiled": [one, two]}}
    alone = speed_page.many({**kept, "gpu": None, "figures": {"after": after}})
    assert "| tiled | 70.0 Mpx/s |" in alone and "| tiled, Mpx/s | 10.0 | 20.0 |" in alone
    assert "before" not in alone and "GPU" not in alone


def test_the_picture_of_the_curve_depends_on_its_figures_alone(tmp_path):
    pytest.importorskip("matplotlib", reason="needs potato-pansharp[plots]")
    import speed_page

    def drawn(speed: float, *many: float) -> bytes:
        curves = [[{"cores": n, "mpx_per_second": each * n} for n in (1, 2)] for each in (speed, *many)]
        figures = {"after": {"cores": {"curves": {"tiled": curves[-1]}}}}
        kept = {"machine": {"processor": "test"}, "figures": figures} if many else None
        speed_page.draw({"curves": {"tiled": curves[0]}}, kept, tmp_path / "cores.svg")
        return (tmp_path / "cores.svg").read_bytes()

    assert drawn(10) == drawn(10) != drawn(20)
    assert drawn(10, 30) == drawn(10, 30) != drawn(10, 40)


def test_a_curve_that_falls_is_found():
    import cores

    assert cores.counts(1) == [1] and cores.counts(6) == [1, 2, 4, 6] and cores.counts(8) == [1, 2, 4, 8]
    assert cores.falls([(1, 10.0), (2, 19.0), (4, 18.5)]) == []
    assert cores.falls([(1, 10.0), (2, 19.0), (4, 17.0), (8, 30.0)]) == ["17.0 Mpx/s on 4 cores, 19.0 on 2"]
    assert len(cores.falls([(1, 10.0), (2, 9.6), (4, 9.4)])) == 1, "small steps down add up"


def test_the_convolutions_of_both_libraries_are_equal():
    pytest.importorskip("onnxruntime")
    import block

    torch, onnxruntime = (run() for run in block.convolutions(16).values())
    assert np.abs(torch.numpy() - onnxruntime[0]).max() < 1e-4


def test_programs_that_are_missing_are_left_out_and_named(monkeypatch, capsys):
    import whole_process

    monkeypatch.setattr(whole_process.shutil, "which", lambda name: None)
    assert whole_process.without_missing(["tiled", "gdal", "otb"]) == ["tiled"]
    assert "gdal-bin" in (told := capsys.readouterr().err) and "otb-bin" in told


def test_the_first_page_leaves_open_what_was_not_measured():
    import front_page

    card = front_page.json.loads(front_page.CARD.read_text("utf-8"))
    speed = {"mpx_per_second": 12.34, "peak_mb": 99.9}
    kept = {"date": "2030-01-02", "rounds": 3, "machine": {"processor": "test", "cores": 2}}
    table = front_page.against({**kept, "sizes": {"64": {"summary": {"cog": speed}}}}, card)
    rows = {line.split(" | ")[0].strip("| "): line for line in table.splitlines()}
    assert "| 12.3 Mpx/s | 100 MB |" in rows["Potato"]
    assert "| – | – |" in rows["GDAL, `gdal_pansharpen.py`"] and "2030-01-02" in table


def test_small_runs_write_their_figures(tmp_path):
    kept = tmp_path / "fuse.json"
    done = run("fuse.py", "--sizes", "256", "--rounds", 1, "--only", "tiled", "--json", kept)
    assert done.returncode == 0, done.stderr
    assert json.loads(kept.read_text())["sizes"]["256"]["summary"]["tiled"]["cpu_seconds"] > 0
    kept = tmp_path / "fuse_ard.json"
    done = run("fuse_ard.py", "--workers", 1, "--size", 256, "--small", 2, "--rounds", 1, "--json", kept)
    assert done.returncode == 0, done.stderr
    assert json.loads(kept.read_text())["tile"]["milliseconds"] > 0
