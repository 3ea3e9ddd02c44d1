import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fused_ards import fuse_inline
from potato.errors import OutputError
from potato.fusion.ard.manifest import MANIFEST, Record, open_manifest, read_manifest


def test_the_manifest_records_every_tile(fused):
    rows = read_manifest(fused.folder).rows
    assert len(rows) == 5
    for row in rows.values():
        path = fused.folder / row.file
        assert (row.state, row.reason) == ("done", "")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row.digest
        assert path.stat().st_size == row.bytes and row.seconds > 0 and row.valid == 1
        assert row.datetime == "2024-12-14T18:53:50Z"
        assert row.bbox == pytest.approx((-118.11, 36.14, -117.99, 36.24), abs=0.2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 700), st.integers(1, 5))
def test_a_manifest_cut_anywhere_is_the_manifest_of_fewer_tiles(tmp_path_factory, cut, count):
    folder = tmp_path_factory.mktemp("cut")
    records = [
        Record(f"1/{n}/d/é", "done", "s", file="f", bytes=n, bbox=(0.0, 1.0, 2.0, 3.5)) for n in range(count)
    ]
    with open_manifest(folder) as manifest:
        for record in records:
            manifest.put(record)
    text = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).write_bytes(text[:cut])
    with open_manifest(folder) as manifest:
        assert list(manifest.rows.values()) == records[: text[:cut].count(b"\n")]
        manifest.put(records[-1])
    assert read_manifest(folder).rows[records[-1].tile] == records[-1]


@pytest.mark.parametrize(
    "line", ["[]", "{}", '{"tile": 3, "state": "done", "signature": ""}', "nonsense", "[" * 9999]
)
def test_a_file_that_is_not_a_manifest_is_refused(ard, tmp_path, line):
    (tmp_path / MANIFEST).write_text(line + "\n")
    with pytest.raises(OutputError, match="line 1: expected a record of a tile"):
        fuse_inline(ard, tmp_path)
    assert not (tmp_path / "collection.json").exists()
