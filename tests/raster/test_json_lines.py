import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potato.errors import InputError, OutputError
from potato.raster.json_lines import append_json_line, json_line, whole_lines

scalars = st.none() | st.booleans() | st.integers() | st.text()
rows = st.lists(st.dictionaries(st.text(), scalars | st.lists(scalars, max_size=3), max_size=3), max_size=3)


@given(rows)
def test_an_object_becomes_one_line_and_is_read_back(table):
    text = "".join(map(json_line, table))
    lines = text.split("\n")
    assert lines.pop() == "" and [json.loads(line) for line in lines] == table


@pytest.mark.parametrize("durable", [False, True])
def test_appended_objects_are_read_in_their_order_with_their_numbers(tmp_path, durable):
    path = tmp_path / "log.jsonl"
    table = [{"name": "ü\n", "n": 1}, {}, {"list": [None, True]}]
    for row in table:
        append_json_line(path, row, durable=durable)
    assert [(number, json.loads(line)) for number, line in whole_lines(path)] == list(enumerate(table, 1))


def test_a_line_that_was_cut_short_is_dropped(tmp_path):
    path = tmp_path / "log.jsonl"
    for number in range(3):
        append_json_line(path, {"n": number})
    whole = path.read_bytes()
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        assert len(list(whole_lines(path))) == whole[:end].count(b"\n")


def test_a_named_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "log.jsonl"
    os.mkfifo(path)
    with pytest.raises(InputError, match="found a named pipe"):
        list(whole_lines(path))


def test_a_line_without_an_end_takes_no_memory(tmp_path):
    path = tmp_path / "log.jsonl"
    append_json_line(path, {})
    os.truncate(path, 1 << 40)  # a sparse file, which takes no room on the disk
    with pytest.raises(InputError, match=r"log\.jsonl, line 2: expected 16 MB at most"):
        list(whole_lines(path))


def test_a_missing_file_has_no_lines(tmp_path):
    assert list(whole_lines(tmp_path / "none.jsonl")) == []


def test_a_file_that_cannot_be_written_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="can't write there"):
        append_json_line(tmp_path / "no" / "log.jsonl", {})
