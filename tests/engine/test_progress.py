"""Progress: lines where no terminal is."""

import pytest

from potato.engine import progress
from potato.engine.progress import MEGAPIXELS, progress_bar


def test_lines_tell_how_far_the_work_is(monkeypatch, capsys):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress_bar(4, "tile", True) as bar:
        bar.update()
        bar.update(2)
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(", ")[0] for line in told] == ["potato: 1 of 4 tiles", "potato: 3 of 4 tiles"]
    assert "75%" in told[1] and told[1].endswith("s left")


def test_hours_are_told_in_hours(monkeypatch, capsys):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    times = iter([0.0, 1800.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    with progress_bar(5, MEGAPIXELS, True) as bar:
        bar.update()
    line = "potato: 1 of 5 Mpx, 20%, 30 min so far, about 2 h 0 min left\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(("total", "shown"), [(4, True), (4, False), (0, True)])
def test_short_or_hidden_work_tells_nothing(capsys, total, shown):
    with progress_bar(total, MEGAPIXELS, shown) as bar:
        bar.update(0.5)
    assert capsys.readouterr() == ("", "")
