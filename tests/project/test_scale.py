"""The benchmarks of scale: the page has their figures, and the slow store is slow."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import potato

REPOSITORY = Path(potato.__file__).parents[2]


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))


def test_the_page_of_scale_has_the_figures_of_the_benchmarks(benchmarks, tmp_path):
    import scale_page

    assert scale_page.PAGE.read_text() == scale_page.page(), "run python benchmarks/scale_page.py"
    kept = {"machine": {"processor": "test", "cores": 2}, "tiles": 12, "size": 2720}
    figures = [
        {"latency_ms": 20.0, "bandwidth_mb": 100.0, "workers": count, "running": 2.5 * count}
        | {"requests_per_tile": 40.0, "bytes_per_tile": 5e6}
        for count in (1, 2)
    ]
    (tmp_path / "store.json").write_text(json.dumps({**kept, "figures": figures}))
    (tmp_path / "fuse.json").write_text((scale_page.RESULTS / "fuse.json").read_text())
    text = scale_page.page(tmp_path)
    assert "| 20 ms, 100 MB/s | 2.50 | 5.00 | 40 | 5.0 MB |" in text


def test_costs_are_proportional_to_pixels_and_inversely_to_rate(benchmarks):
    import scale_page

    one, two = (scale_page.Cost(8000, rate) for rate in (4e6, 8e6))
    assert one.core_hours == 2 * two.core_hours == pytest.approx(8000 * 112.890625e6 / 4e6 / 3600)
    assert one.written == two.written and one.storage == pytest.approx(one.written / 1e9 * 0.023)


def test_the_slow_store_waits_for_its_latency_and_limits_its_bandwidth(benchmarks, tmp_path, monkeypatch):
    import scale

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "a").write_bytes(bytes(1_000_000))
    server = scale.slow_store(tmp_path, latency=0.1, bandwidth=1e6)
    try:
        started = time.perf_counter()
        assert len(urllib.request.urlopen(server.url + "a").read()) == 1_000_000
        # The latency takes 0.1 s, and the bandwidth 1 s.
        assert time.perf_counter() - started >= 1.1
        started = time.perf_counter()
        urllib.request.urlopen(urllib.request.Request(server.url + "a", method="HEAD"))
        # A HEAD request moves no bytes, so it takes the latency alone.
        assert 0.1 <= time.perf_counter() - started < 1
    finally:
        server.shutdown()
        server.server_close()


def test_a_small_run_writes_its_figures(tmp_path):
    script, kept = REPOSITORY / "benchmarks" / "scale.py", tmp_path / "found.json"
    options = ["store", "--tiles", "4", "--size", "272", "--workers", "1", "--stores", "5:100"]
    subprocess.run([sys.executable, script, *options, "--json", kept], check=True, capture_output=True)
    (figures,) = json.loads(kept.read_text())["figures"]
    assert figures["running"] > 0 and figures["requests_per_tile"] > 2
    assert figures["bytes_per_tile"] > 100_000
