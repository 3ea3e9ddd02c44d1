"""The walks of docs/walks, and the commands of the README, do what they say."""

import os
import sys
from pathlib import Path

import pytest

import potato
from shown import blocks, command_lines, follow, walk

REPOSITORY = Path(potato.__file__).parents[2]
WALKS = sorted((REPOSITORY / "docs" / "walks").glob("*.md"))


@pytest.fixture(autouse=True)
def beginning(tmp_path, monkeypatch):
    """A new folder, no network, and the programs of this environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_S3_ENDPOINT", "127.0.0.1:9")  # `doctor` asks a bucket
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


@pytest.mark.parametrize("page", WALKS, ids=lambda page: page.stem)
def test_a_walk_can_be_walked(page, run):
    walk(page, run)


def test_the_commands_of_the_first_page_work(run, pair):
    lines = [
        line
        for _, text in blocks(REPOSITORY / "README.md")
        for line in command_lines(text)
        if line.startswith("potato ")
    ]
    assert len(lines) >= 3
    follow(["potato make-delivery maxar order --size 160"], run)
    follow(lines, run, {"ORDER": "order", "PAN": str(pair.pan), "MUL": str(pair.mul)})
