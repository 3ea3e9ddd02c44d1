import json
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potato.chips.folder import MANIFEST, manifest_rows
from potato.chips.link import fair_order, golden_order, link_chips
from potato.chips.split import ground_of
from potato.errors import ChipError, InputError, OutputError, OutputExists


def a_source(
    folder: Path, count: int, *, squares: int = 5, zone: int = 33, fake=False, manifest=True
) -> Path:
    """Files that stand for chips; nobody opens them here."""
    folder.mkdir(parents=True)
    lines = []
    for n in range(count):
        (folder / f"{n}.pt").write_bytes(f"{folder.name} {n}".encode())
        where = {
            "cid": f"10300100000000{n % 2:02}",
            "zone": zone,
            "quadkey": f"{n % squares:012}",
            "lon": 12 + 0.1 * (n % squares),
            "lat": 44.0,
            "metres": 2000.0,
        }
        row = {"n": n, **({"synthetic": True} if fake else where), "digest": f"{folder.name}-{n}"}
        lines.append(json.dumps(row) + "\n")
    if manifest:
        (folder / "manifest.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture
def three(tmp_path) -> list[Path]:
    return [a_source(tmp_path / name, count) for name, count in (("italy", 40), ("kenya", 25), ("fiji", 7))]


def targets(pool: Path) -> list[Path]:
    numbers = sorted(int(path.stem) for path in pool.glob("*.pt"))
    assert numbers == list(range(len(numbers)))
    return [(pool / f"{n}.pt").readlink() for n in numbers]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8).filter(any))
@settings(max_examples=200, deadline=None)
def test_every_beginning_of_the_order_is_a_fair_mix(counts):
    order = fair_order(counts)
    given_ = [0] * len(counts)
    for n, source in enumerate(order, 1):
        given_[source] += 1
        for k, count in enumerate(counts):
            assert abs(given_[k] - n * count / sum(counts)) < 1
    assert given_ == counts


@given(st.integers(8, 3000))
@settings(max_examples=50, deadline=None)
def test_the_first_chips_of_a_shuffled_source_come_from_everywhere(count):
    order = golden_order(range(count))
    assert sorted(order) == list(range(count))
    for taken in {8, count // 3, count}:
        gaps = [after - before for before, after in pairwise(sorted(order[:taken]))]
        assert max(gaps, default=0) <= 3 * count / taken + 2
    assert order != list(range(count))


def test_a_pool_is_a_fair_mix_of_links(three, tmp_path):
    result = link_chips(three, tmp_path / "pool")
    found = targets(tmp_path / "pool")
    assert len(found) == len(set(found)) == 72
    for n in range(1, 73):
        for source, count in zip(three, (40, 25, 7), strict=True):
            assert abs(sum(path.parent == source for path in found[:n]) - n * count / 72) < 2
    assert all(path.is_absolute() and path.is_file() for path in found)
    assert result.pools == {tmp_path / "pool": {str(three[0]): 40, str(three[1]): 25, str(three[2]): 7}}
    assert "72 chips (40 of" in str(result)


def test_linking_twice_gives_identical_pools(three, tmp_path):
    for name in "ab":
        link_chips(three, tmp_path / name)
    assert targets(tmp_path / "a") == targets(tmp_path / "b")
    assert (tmp_path / "a" / "manifest.jsonl").read_bytes() == (
        tmp_path / "b" / "manifest.jsonl"
    ).read_bytes()


@pytest.mark.parametrize("split", [None, 0.5])
def test_a_pool_that_is_there_as_asked_for_is_left_as_it_is(three, tmp_path, split):
    """As after a run that was killed at its very end."""
    first = link_chips(three, tmp_path / "pool", split=split)
    links = list((tmp_path / "pool").rglob("*.pt"))
    before = [path.lstat().st_ino for path in links]
    assert link_chips(three, tmp_path / "pool", split=split) == first
    assert [path.lstat().st_ino for path in links] == before
    links[0].unlink()
    with pytest.raises(OutputExists):
        link_chips(three, tmp_path / "pool", split=split)


def test_a_pool_keeps_the_manifest_rows_of_its_chips(three, tmp_path):
    link_chips(three, tmp_path / "pool")
    rows = manifest_rows(tmp_path / "pool")
    for n, path in enumerate(targets(tmp_path / "pool")):
        assert rows[n]["source"] == path.parent.name and rows[n]["source_n"] == int(path.stem)
        assert rows[n]["digest"] == f"{path.parent.name}-{path.stem}" and rows[n]["n"] == n
    link_chips([tmp_path / "pool"], tmp_path / "pool of pools")
    again = manifest_rows(tmp_path / "pool of pools")
    assert {row["source"] for row in again.values()} == {"pool"}
    assert sorted(row["digest"] for row in again.values()) == sorted(row["digest"] for row in rows.values())


def test_a_pipe_in_place_of_a_pools_manifest_is_not_waited_for(three, tmp_path):
    pool = tmp_path / "pool"
    link_chips(three, pool)
    (pool / MANIFEST).unlink()
    os.mkfifo(pool / MANIFEST)
    with pytest.raises(OutputExists):
        link_chips(three, pool)


def test_relative_links_survive_a_move(three, tmp_path):
    (tmp_path / "data").mkdir()
    for source in three:
        source.rename(tmp_path / "data" / source.name)
    link_chips([tmp_path / "data" / "fiji"], tmp_path / "data" / "pools" / "p", relative=True)
    assert targets(tmp_path / "data" / "pools" / "p")[0].parts[:2] == ("..", "..")
    (tmp_path / "data").rename(tmp_path / "moved")
    assert all(path.is_file() for path in (tmp_path / "moved" / "pools" / "p").glob("*.pt"))


def test_a_pool_behind_a_symlink_is_filled(three, tmp_path):
    (tmp_path / "disk" / "deep").mkdir(parents=True)
    (tmp_path / "pool").symlink_to(tmp_path / "disk" / "deep")
    link_chips(three[2:], tmp_path / "pool", relative=True)
    assert len([path for path in (tmp_path / "pool").glob("*.pt") if path.is_file()]) == 7


@pytest.mark.parametrize("share", [Fraction(1, 8), 0.125])
def test_a_weight_is_a_share_of_the_pool(three, tmp_path, share):
    italy, _, fiji = three
    link_chips([italy, fiji], tmp_path / "pool", weights={str(fiji): share})
    found = targets(tmp_path / "pool")
    assert len(found) == 46 and sum(path.parent == fiji for path in found) == 6
    for n in range(1, 47):
        assert abs(sum(path.parent == fiji for path in found[:n]) - n / 8) < 2


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        (
            {"fiji": 0.5},
            ChipError,
            r"expected 65 chips, which is 1/2 of the pool, found 7; .* 0\.0972 at most",
        ),
        ({"fiji": 0}, InputError, "between 0 and 1"),
        ({"fiji": 1}, InputError, "between 0 and 1"),
        ({"nowhere": 0.1}, InputError, "one of nowhere"),
        ({"fiji": 0.1, "italy": 0.1, "kenya": 0.1}, InputError, "leave one out"),
        ({"fiji": 0.5, "italy": 0.5}, InputError, "leave one out"),
    ],
)
def test_impossible_weights_are_refused(three, tmp_path, monkeypatch, weights, error, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        link_chips(three, tmp_path / "pool", weights=weights)
    assert not (tmp_path / "pool").exists()


def test_the_weight_that_the_error_suggests_works(three, tmp_path):
    with pytest.raises(ChipError) as caught:
        link_chips(three, tmp_path / "pool", weights={str(three[2]): 0.5, str(three[1]): 0.1})
    advised = float(str(caught.value).split()[-3])
    link_chips(three, tmp_path / "pool", weights={str(three[2]): advised, str(three[1]): 0.1})
    assert sum(path.parent == three[2] for path in targets(tmp_path / "pool")) == 7


@pytest.mark.parametrize("share", [0.9, 0.5, 0.8])
def test_a_split_shares_no_ground(tmp_path, share):
    sources = [a_source(tmp_path / "a", 200, squares=40), a_source(tmp_path / "b", 90, squares=30)]
    link_chips(sources, tmp_path / "pools", split=share)
    parts = [manifest_rows(tmp_path / "pools" / name) for name in ("train", "test")]
    grounds = [{ground_of(row) for row in part.values()} for part in parts]
    assert all(grounds) and not grounds[0] & grounds[1]
    assert len(parts[0]) + len(parts[1]) == 290
    assert len(parts[0]) / 290 == pytest.approx(share, abs=0.02)
    assert len(targets(tmp_path / "pools" / "train")) == len(parts[0])
    # The test is spread over all the ground.
    squares = sorted(int(ground.split("/")[1]) for ground in grounds[1])
    assert squares[0] < 15 and squares[-1] >= 25


def test_a_split_of_little_ground_has_two_parts(tmp_path):
    source = a_source(tmp_path / "a", 10, squares=2)
    link_chips([source], tmp_path / "pools", split=0.99)
    assert len(targets(tmp_path / "pools" / "train")) == len(targets(tmp_path / "pools" / "test")) == 5


def test_grid_squares_of_two_zones_on_the_same_ground_stay_together(tmp_path):
    """Zones overlap: square 3 of zone 32 is square 0 of zone 33, moved by half a chip."""
    west, east = (
        a_source(tmp_path / "west", 40, squares=4, zone=32),
        a_source(tmp_path / "east", 40, squares=4),
    )
    for source, shift in ((west, -0.31), (east, 0.0)):
        lines = [json.loads(line) for line in (source / "manifest.jsonl").read_text().splitlines()]
        for line in lines:
            line["lon"] += shift
        (source / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for share in (0.3, 0.5, 0.7):
        pools = tmp_path / f"pools{share}"
        link_chips([west, east], pools, split=share)
        train, test = (
            {ground_of(row) for row in manifest_rows(pools / name).values()} for name in ("train", "test")
        )
        assert {"32/000000000003", "33/000000000000"} <= train or {
            "32/000000000003",
            "33/000000000000",
        } <= test
        assert len(train) + len(test) == 8


def test_fake_chips_are_split_too(tmp_path):
    link_chips([a_source(tmp_path / "fake", 50, fake=True)], tmp_path / "pools", split=0.8)
    assert len(targets(tmp_path / "pools" / "train")) == 40


def test_chips_without_known_ground_are_not_split(tmp_path):
    with pytest.raises(ChipError, match=r"a/0\.pt: expected a line in the manifest"):
        link_chips([a_source(tmp_path / "a", 9, manifest=False)], tmp_path / "pools", split=0.9)
    with pytest.raises(ChipError, match="same ground"):
        link_chips([a_source(tmp_path / "b", 9, squares=1)], tmp_path / "pools", split=0.9)
    for share in (0, 1, -1, 2):
        with pytest.raises(InputError, match="between 0 and 1"):
            link_chips([tmp_path / "b"], tmp_path / "pools", split=share)


@pytest.mark.parametrize(("first", "second"), [("train", "test"), ("my-test-2", "the TRAINing")])
def test_a_chip_in_both_train_and_test_is_refused(three, tmp_path, first, second):
    link_chips(three[:2], tmp_path / "pools" / first)
    with pytest.raises(ChipError, match=f"{first}/"):
        link_chips(three[1:], tmp_path / "pools" / second)
    assert not (tmp_path / "pools" / second).exists()
    link_chips(three[2:], tmp_path / "pools" / second)


def test_a_copy_of_a_chip_counts_as_the_same_chip(three, tmp_path):
    link_chips(three[2:], tmp_path / "train")
    copy = a_source(tmp_path / "copies" / "fiji", 7)
    with pytest.raises(ChipError, match="aren't in the other pool"):
        link_chips([copy], tmp_path / "test")


def test_pools_are_kept_apart_on_request(three, tmp_path):
    link_chips(three[:2], tmp_path / "a")
    link_chips(three[1:], tmp_path / "b")
    with pytest.raises(ChipError, match="aren't in the other pool"):
        link_chips(three[1:], tmp_path / "c", apart_from=[tmp_path / "a"])
    with pytest.raises(ChipError, match="found none"):
        link_chips(three[1:], tmp_path / "c", apart_from=[tmp_path / "nowhere"])
    link_chips(three[2:], tmp_path / "c", apart_from=[tmp_path / "a"])


def test_nothing_is_overwritten(three, tmp_path):
    link_chips(three, tmp_path / "pool")
    before = targets(tmp_path / "pool")
    with pytest.raises(OutputExists):
        link_chips(three[:1], tmp_path / "pool")
    with pytest.raises(OutputExists):
        link_chips(three[:1], tmp_path / "pool", split=0.5)
    assert targets(tmp_path / "pool") == before
    (tmp_path / "file").touch()
    with pytest.raises(OutputExists):
        link_chips(three, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    link_chips(three, tmp_path / "empty")


def test_a_pool_is_whole_or_absent(three, tmp_path, monkeypatch):
    real, count = Path.symlink_to, iter(range(100))

    def full(self, target):
        if next(count) == 50:
            raise OSError(28, "No space left on device")
        real(self, target)

    monkeypatch.setattr(Path, "symlink_to", full)
    with pytest.raises(OutputError, match="No space left"):
        link_chips(three, tmp_path / "pool")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fiji", "italy", "kenya"]


def test_sources_without_chips_are_refused(three, tmp_path):
    (tmp_path / "nothing").mkdir()
    for source, words in ((tmp_path / "nothing", "found none"), (tmp_path / "nowhere", "found none")):
        with pytest.raises(ChipError, match=words):
            link_chips([*three, source], tmp_path / "pool")
    with pytest.raises(ChipError, match="twice"):
        link_chips([*three, three[0] / ".." / "italy"], tmp_path / "pool")
    with pytest.raises(ChipError, match="none"):
        link_chips([], tmp_path / "pool")
    (three[0] / "3.pt").unlink()
    (three[0] / "3.pt").symlink_to(tmp_path / "gone")
    with pytest.raises(ChipError, match="leads nowhere"):
        link_chips(three, tmp_path / "pool")


def test_files_that_are_no_chips_are_not_linked(three, tmp_path):
    for name in ("best.pt", "07.pt", "-1.pt", "3.pt.bak", ".8.pt.12.partial", "notes.txt"):
        (three[2] / name).touch()
    link_chips(three[2:], tmp_path / "pool")
    assert len(targets(tmp_path / "pool")) == 7


def test_the_command_makes_and_reports_pools(three, tmp_path, run):
    italy, _, fiji = three
    pools = tmp_path / "pools"
    result = run("link-chips", italy, fiji, pools, "--weight", f"{fiji}=1/8", "--split", 0.8, "--relative")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{pools}/train: ") and result.stdout.count("\n") == 2
    refused = run("link-chips", italy, tmp_path / "other", "--apart-from", pools / "train")
    assert refused.exit_code == 1 and refused.stderr.count("\n") == 1
    told = run("link-chips", fiji, tmp_path / "more", "--json")
    assert json.loads(told.stdout) == {str(tmp_path / "more"): {str(fiji): 7}}
    for weight in ("fiji", "fiji=much", "fiji=1/0"):
        assert run("link-chips", italy, fiji, tmp_path / "x", "--weight", weight).exit_code == 2
    assert run("link-chips", italy, tmp_path / "x", "--split", 1).exit_code == 2
    assert run("link-chips", italy).exit_code == 2
    assert run("link-chips", italy, tmp_path / "y", "-q").stdout == ""
