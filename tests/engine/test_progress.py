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
    assert [line.partition(", ")[0] for line in told] == ["potato: 1 of 4 tile", "potato: 3 of 4 tile"]
    assert "75%" in told[1] and told[1].endswith("s left")


@pytest.mark.parametrize(("total", "shown"), [(4, True), (4, False), (0, True)])
def test_short_or_hidden_work_tells_nothing(capsys, total, shown):
    with progress_bar(total, MEGAPIXELS, shown) as bar:
        bar.update(0.5)
    assert capsys.readouterr() == ("", "")
