"""Training: a run can be cut anywhere and into anything, and comes out the same."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from potato.chips import Chip, load_chip, save_chip
from potato.chips.scenes import make_scenes, scene_chip
from potato.core.color import delta_e_ok
from potato.core.sensors import SCALE
from potato.errors import InputError, SessionError
from potato.model.network import Architecture, Sharpener, sharpen
from potato.model.weights import load_card, load_model, weights_digest
from potato.training import Settings, train
from potato.training.augment import CLEAR_AIR
from potato.training.checkpoints import SHIPPED_EPOCH, Session
from potato.training.data import Samples, collate, held_out, list_chips, open_batches
from potato.training.distributed import ALONE, Ranks
from potato.training.log import Curves, JsonLines, Line
from potato.training.loop import deferred_interrupts
from potato.training.score import score_batches
from potato.training.step import Learner, batch_loss, learning_rate, train_step

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
SMALL = ("--width", 8, "--depth", 2, "-j", 0, "--device", "cpu")


@pytest.fixture(scope="session")
def pool(tmp_path_factory) -> Path:
    """12 chips of simulated scenes, 80 pixels wide."""
    folder = tmp_path_factory.mktemp("pool")
    make_scenes(folder, count=12, seed=1, size=80)
    return folder


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny tensors are slower in several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def settings(folder: Path, pool: Path | None, **more: object) -> Settings:
    base = {
        "sessions": str(folder),
        "session": "s",
        "chips": None if pool is None else str(pool),
    }
    small = {"epochs": 2, "epoch_length": 24, "logical_batch": 4, "width": 8, "depth": 2, "workers": 0}
    return Settings(**{**base, **small, "lr": 1e-3, "device": "cpu", **more})


def samples(pool: Path, **more: object) -> Samples:
    return Samples(**{"paths": tuple(list_chips(pool)), "share": 0.0, "size": (80, 80), "seed": 0, **more})


def start(*arguments: object, cwd: Path, **more: object) -> subprocess.Popen:
    """The tutorial's script, in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=cwd, env=environment, **{**pipes, **more})


def finish(*arguments: object, cwd: Path, **more: object) -> tuple[int, str, str]:
    process = start(*arguments, cwd=cwd, **more)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def wait_for(condition, process: subprocess.Popen, seconds: float = 60) -> None:
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        if process.poll() is not None:
            pytest.fail(f"ended early: {process.communicate()}")
        time.sleep(0.01)
    process.kill()
    pytest.fail("nothing came")


def state_of(session: Path) -> dict:
    return torch.load(session / "state.pt", weights_only=True)


def steps_done(session: Path) -> int:
    return state_of(session)["learner"]["step"] if (session / "state.pt").exists() else -1


def log_of(session: Path) -> list[dict]:
    """The log without what depends on the clock."""
    rows = [json.loads(line) for line in (session / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in ("time", "chips_per_second")} for row in rows]


def same(first: object, second: object) -> bool:
    """Equal to the last bit, whatever is nested in what."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


# ── what is learnt from ───────────────────────────────────────────────────────────────────────────────


def test_every_chip_comes_once_before_any_comes_twice_and_the_order_is_the_seeds(pool):
    plain = [chip.target for chip in map(load_chip, list_chips(pool))]

    def which(sample) -> int:
        """The chip that a sample is, whatever way it lies: sums of squares tell."""
        sums = [float((target.double() ** 2).sum()) for target in plain]
        return sums.index(float((sample.target.double() ** 2).sum()))

    source = samples(pool)
    order = [which(source[place]) for place in range(36)]
    exposures = {float(source[place].exposure) for place in range(36)}
    assert len(exposures) == 36 and len({source[place].mul.numpy().tobytes() for place in range(36)}) == 36
    for round_ in (order[:12], order[12:24], order[24:]):
        assert sorted(round_) == list(range(12))
    assert order[:12] != order[12:24]
    assert order == [which(source[place]) for place in range(36)]
    assert order[:12] != [which(samples(pool, seed=1)[place]) for place in range(12)]


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_scenes_make_up_their_share_and_are_their_seeds(pool, share):
    source = samples(pool, share=share, instrument=False)
    chips = {float(load_chip(path).target.double().square().sum()) for path in list_chips(pool)}
    known = [float(source[place].target.double().square().sum()) in chips for place in range(8)]
    assert known.count(False) == 8 * share
    first = scene_chip(0, 0, 80)
    scene = source[known.index(False)]
    assert torch.equal(scene.pan.flatten().sort().values, first.pan.view(torch.int16).flatten().sort().values)
    assert same(source[3], source[3])


def test_passes_see_one_ground_differently(pool):
    chips = [scene_chip(0, 0, 80, pass_index=look) for look in (0, 1)]
    assert not torch.equal(chips[0].mul.int(), chips[1].mul.int())
    off = delta_e_ok(*(chip.tensors()[2] for chip in chips))[(chips[0].valid & chips[1].valid)[0]]
    other = delta_e_ok(*(chip.tensors()[2] for chip in (chips[0], scene_chip(0, 1, 80))))
    assert float(off.mean()) < 0.6 * float(other.mean()), "haze differs, the ground doesn't"
    assert torch.equal(
        samples(pool, share=1.0, passes=3)[5].pan.flatten().sort().values,
        scene_chip(0, 1, 80, pass_index=2).pan.view(torch.int16).flatten().sort().values,
    )


def test_faults_of_the_instrument_are_an_option(pool):
    def sums(source: Samples) -> list[list[int]]:
        """Of each image, whatever way it lies."""
        found = [source[place] for place in range(60)]
        return [[int(image.int().sum()) for image in (one.target, one.pan, one.mul)] for one in found]

    clean, faulty = sums(samples(pool, instrument=False)), sums(samples(pool))
    assert [a[0] for a in clean] == [b[0] for b in faulty], "the truth stays"
    changed = [a[1:] != b[1:] for a, b in zip(clean, faulty, strict=True)]
    assert 0.6 < sum(changed) / 60 < 0.9


def test_what_is_asked_of_full_scale_is_asked_where_pan_is_soft_or_faults_were_added(pool, tmp_path):
    """Of pan of one noise at two scales: all of it, or what a lens leaves of it."""
    noise = torch.randn(1, 160, 160, generator=torch.Generator().manual_seed(3))
    smooth = torch.nn.functional.avg_pool2d(noise, 3, 1, 1)
    found = {}
    for n, (pattern, native) in enumerate(((noise, True), (smooth, True), (smooth, False))):
        pan = (3000 + 100 * pattern).to(torch.uint16)
        chip = scene_chip(0, 0, 160)
        chip = replace(chip, pan=pan, native=native, target=chip.target.abs(), mul=chip.mul)
        (tmp_path / str(n)).mkdir()
        save_chip(chip, tmp_path / str(n) / "0.pt")
        for faults in (False, True):
            source = samples(tmp_path / str(n), size=(160, 160), instrument=faults)
            found[n, faults] = {float(source[place].doubt) for place in range(12)}
        assert {float(next(held_out(source.paths, 0, (160, 160), 0)).doubt)} == found[n, False]
    assert found == {
        (0, False): {0.0},
        (1, False): {1.0},
        (2, False): {0.0},
        (0, True): {0.0, 1.0},
        (1, True): {1.0},
        (2, True): {0.0, 1.0},
    }


def test_who_makes_the_batches_and_from_where_changes_nothing(pool):
    def batches(first=0, workers=0, ranks=ALONE, physical=2):
        return list(open_batches(samples(pool, share=0.2), first, 4, 4, physical, workers, ranks))

    whole = batches()
    assert len(whole) == 4 and [len(step) for step in whole] == [2] * 4
    assert same(batches(first=2), whole[2:])
    assert same(batches(workers=2), whole)
    halves = [batches(ranks=Ranks(rank, 2)) for rank in (0, 1)]
    for step, first, second in zip(whole, *halves, strict=True):
        assert same(collate(step), collate([*first, *second]))
    assert same([collate(step) for step in batches(physical=3)], [collate(step) for step in whole])


def test_a_batch_that_processes_cannot_share_is_refused(pool):
    with pytest.raises(SessionError, match="3 processes"):
        next(open_batches(samples(pool), 0, 1, 4, 4, 0, Ranks(0, 3)))


@pytest.mark.parametrize("damage", ["cut", "gone", "other size", "code"])
def test_a_bad_chip_is_replaced_and_counted(pool, tmp_path, damage):
    copy = tmp_path / "chips"
    shutil.copytree(pool, copy)
    bad = copy / "5.pt"
    source = samples(copy)
    match damage:
        case "cut":
            bad.write_bytes(bad.read_bytes()[:1000])
        case "gone":
            bad.unlink()
        case "other size":
            save_chip(scene_chip(0, 0, 128), bad)
        case "code":
            torch.save({"pan": print}, bad)
    found = collate([source[place] for place in range(12)])
    assert found.skipped == 1 and "5.pt" in found.problem
    assert len(found.pan) == 12


def test_a_pool_of_nothing_but_bad_chips_is_a_clear_end(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.pt").write_text("no chip")
    with pytest.raises(SessionError, match="16 chips in a row"):
        samples(tmp_path)[0]
    with pytest.raises(SessionError, match=r"not one of the first 16.*\.pt"):
        train(settings(tmp_path / "s", tmp_path))
    with pytest.raises(SessionError, match="found none; see make-chips"):
        list_chips(ROOT / "docs")


def test_a_vanished_worker_is_a_clear_end(pool):
    batches = open_batches(samples(pool), 0, 1000, 4, 4, workers=1)
    next(batches)
    workers = [int(pid) for pid in _descendants(os.getpid()) if _is_worker(pid)]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(SessionError, match="vanished"):
        for _ in range(1000):
            next(batches)


def _descendants(pid: int) -> list[int]:
    children = [
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdigit() and f"PPid:\t{pid}\n" in _read(path / "status")
    ]
    return children + [grandchild for child in children for grandchild in _descendants(child)]


def _is_worker(pid: int) -> bool:
    """A process that the fork server forked: its parent runs the server."""
    parent = next(line for line in _read(Path(f"/proc/{pid}/status")).splitlines() if "PPid" in line).split()[
        1
    ]
    return "forkserver" in _read(Path(f"/proc/{parent}/cmdline"))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def test_what_is_judged_is_never_augmented(pool):
    paths = list_chips(pool)
    batches = list(held_out(paths, 0, (80, 80), 0))
    for path, batch in zip(paths, batches, strict=True):
        chip = load_chip(path)
        pan, mul, target = batch.floats(CPU)
        expected = chip.tensors()
        assert all(torch.equal(a[0], b) for a, b in zip((pan, mul, target), expected, strict=True))
    shares = [list(held_out(paths, 3, (80, 80), 0, Ranks(rank, 2))) for rank in (0, 1)]
    assert [len(share) for share in shares] == [8, 7]
    test = next(held_out([], 1, (80, 80), 0))
    train_ = scene_chip(0, 0, 80).tensors()[2]
    off = delta_e_ok(test.floats(CPU)[2][0], train_)
    again = delta_e_ok(scene_chip(0, 0, 80, pass_index=1).tensors()[2], train_)
    # Another look has other haze, and lies up to half a pixel elsewhere.
    assert float(off.median()) > 2 * float(again.median()), "other ground, not only another look at it"


# ── a step ────────────────────────────────────────────────────────────────────────────────────────────


def learner(plan: Settings) -> Learner:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Learner.start(Sharpener(Architecture(plan.width, plan.depth)), plan, CPU)


def steps(pool: Path, plan: Settings, count: int = 6, physical: int = 4) -> Learner:
    learning = learner(plan)
    for batches in open_batches(samples(pool), 0, count, plan.logical_batch, physical):
        train_step(learning, batches, plan, 100)
    return learning


def weights(model: Sharpener) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("physical", [1, 3])
def test_physical_batches_show_in_rounding_only(pool, tmp_path, physical):
    plan = settings(tmp_path, pool)
    whole, pieces = steps(pool, plan), steps(pool, plan, physical=physical)
    assert float((weights(whole.model) - weights(learner(plan).model)).abs().max()) > 1e-3, "it learns"
    torch.testing.assert_close(weights(pieces.model), weights(whole.model), atol=2e-6, rtol=0)
    assert pieces.epoch.loss == pytest.approx(whole.epoch.loss, rel=1e-5)


def test_logical_batches_are_not_the_same_as_each_other(pool, tmp_path):
    four, two = (steps(pool, settings(tmp_path, pool, logical_batch=size)) for size in (4, 2))
    assert float((weights(four.model) - weights(two.model)).abs().max()) > 1e-4


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_the_learning_rate_rises_and_falls(tmp_path, schedule):
    plan = settings(tmp_path, None, schedule=schedule, warm_up=50, lr=1e-2)
    rates = [learning_rate(step, 1000, plan) for step in range(1000)]
    assert rates[:50] == sorted(rates[:50]) and rates[0] < 1e-3
    assert max(rates) == rates[50] == 1e-2
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert 0 < rates[-1] < 2e-4
    assert (rates[500] < 6e-3) == (schedule == "cosine")
    # A tenth of a short run at most.
    assert learning_rate(1, 10, plan) == 1e-2


@pytest.mark.parametrize(
    ("option", "value"),
    [("lr", 1e-4), ("weight_decay", 1.0), ("clip", 0.01), ("schedule", "constant"), ("warm_up", 0)],
)
def test_every_option_of_a_step_changes_the_weights(pool, tmp_path, option, value):
    plain = steps(pool, settings(tmp_path, pool))
    other = steps(pool, settings(tmp_path, pool, **{option: value}))
    if option == "schedule":
        plain, other = (
            learning_rate(90, 100, settings(tmp_path, pool, schedule=s)) for s in ("cosine", value)
        )
        assert plain != other
    else:
        assert not torch.equal(weights(plain.model), weights(other.model))


def test_the_mean_follows_the_weights(pool, tmp_path):
    for ema, close in ((0.0, True), (0.999, False)):
        learning = steps(pool, settings(tmp_path, pool, ema=ema))
        assert torch.equal(weights(learning.mean), weights(learning.model)) == close
    start_ = weights(learner(settings(tmp_path, pool)).model)
    way = (weights(learning.mean) - start_).norm() / (weights(learning.model) - start_).norm()
    assert 0.3 < float(way) < 1.2, "it forgets the start"


def test_the_loss_of_the_predictor_is_its_distance(pool, tmp_path):
    """Nothing in the batch loss but cropping: against `sharpen`, on chips as they are."""
    batch = next(held_out(list_chips(pool)[:1], 0, (80, 80), 0))
    model = Sharpener(Architecture(8, 2))
    with torch.no_grad():
        loss, total, count, pixels = batch_loss(model, batch, CPU)
        pan, mul, target = batch.floats(CPU)
        inner = (
            ...,
            slice(4 * model.halo_valid, -4 * model.halo_valid),
            slice(4 * model.halo_valid, -4 * model.halo_valid),
        )
        distance = delta_e_ok(sharpen(model, pan, mul), target)[inner]
        half, doubted = (batch._replace(doubt=torch.tensor([share])) for share in (0.5, 1.0))
        terms = {"fringes": 2.0}, {"strays": 2.0}
        asked = [
            [batch_loss(model, one, CPU, **term)[:2] for one in (batch, half, doubted)] for term in terms
        ]
    assert int(count) == pixels == distance.numel()
    assert torch.equal(loss, total)
    for (trusted, _), (partly, _), (fully, plain) in asked:
        assert torch.equal(trusted, total) and torch.equal(plain, total)
        assert fully > total and float(fully - total) == pytest.approx(2 * float(partly - total), rel=1e-3)
    assert float(total / count) == pytest.approx(float(distance.mean()), abs=0.1), "less the softness"
    assert score_batches(model, [batch], CPU).delta_e == pytest.approx(float(distance.mean()), rel=0.5)


def test_vivid_things_count_once_more_and_dull_ones_do_not(pool):
    """Where all is vivid, weight w makes the loss 1 + w times as large, however far mul is doubted."""
    batch = next(held_out(list_chips(pool)[:1], 0, (80, 80), 0))
    model = Sharpener(Architecture(8, 2))
    for chroma, times in ((0.0, 1.0), (0.04, 1.0), (0.1, 4.0)):
        target = torch.tensor([0.5, chroma, 0.0])[None, :, None, None].expand_as(batch.target)
        flat = batch._replace(target=(target * SCALE).to(torch.int16), air=CLEAR_AIR[None])
        with torch.no_grad():
            loss, distance = batch_loss(model, flat, CPU, vivid=3.0)[:2]
        assert float(loss) == pytest.approx(times * float(distance), rel=1e-5)


def test_chips_smaller_than_the_network_sees_are_refused(pool):
    batch = next(held_out(list_chips(pool)[:1], 0, (80, 80), 0))
    with pytest.raises(SessionError, match="more than 96 pan pixels"):
        batch_loss(Sharpener(Architecture(8, 8)), batch, CPU)


def test_nan_ends_the_run_before_the_weights_move(pool, tmp_path):
    plan = settings(tmp_path, pool)
    learning = steps(pool, plan, 2)
    with torch.no_grad():
        learning.model.layers[0].weight[0] = float("nan")
    before = learning.mean.state_dict()["layers.1.weight"].clone()
    batches = next(open_batches(samples(pool), 0, 1, 4, 4))
    with pytest.raises(SessionError, match=r"loss became NaN or infinite at step 2.*--load-from"):
        train_step(learning, batches, plan, 100)
    assert learning.step == 2 and torch.equal(learning.mean.state_dict()["layers.1.weight"], before)
    with pytest.raises(SessionError, match="weights became NaN"):
        learning.check()


def test_it_learns(pool, tmp_path):
    """Truth that the predictor misses everywhere alike: a network has it after a few steps."""
    for number, path in enumerate(list_chips(pool)):
        chip = load_chip(path)
        lighter = chip.target + torch.tensor([600, -200, 300], dtype=torch.int16)[:, None, None]
        target = torch.where(chip.valid, lighter, torch.zeros_like(lighter))
        for folder in (tmp_path / "chips", tmp_path / "test"):
            folder.mkdir(exist_ok=True)
            save_chip(Chip(chip.pan, chip.mul, target), folder / f"{number}.pt")
    plan = settings(
        tmp_path, tmp_path / "chips", test_chips=str(tmp_path / "test"), epoch_length=240, lr=1e-2
    )
    done = train(plan)
    assert done.scores["test"] < 0.6 * done.scores["predictor"]
    assert load_card(done.checkpoint)["scores"] == done.scores
    judged = score_batches(load_model(done.checkpoint), held_out(list_chips(pool), 0, (80, 80), 0), CPU)
    assert judged.delta_e > done.scores["test"], "on the truth as it was, it is wrong now"


# ── sessions ──────────────────────────────────────────────────────────────────────────────────────────

BATCHES = ("--logical-batch", 4, "--physical-batch", 2)
LONG = ("--epochs", 3, "--epoch-length", 280, *BATCHES, "--lr", 1e-3, *SMALL)


@pytest.fixture(scope="session")
def uninterrupted(pool, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    code, _, err = finish("--session", "s", "--chips", pool, *LONG, cwd=folder)
    assert code == 0, err
    return folder / "sessions" / "s"


def test_killed_anywhere_it_goes_on_to_the_same_weights(pool, tmp_path, uninterrupted):
    session = tmp_path / "sessions" / "s"
    command = ("--session", "s", "--chips", pool, *LONG, "--save-every", 0.001)
    kills = []
    for goal in (5, 100):
        process = start(*command, cwd=tmp_path)
        wait_for(lambda goal=goal: steps_done(session) >= goal, process)
        process.kill()  # SIGKILL: nothing is tidied up
        process.communicate()
        kills.append(steps_done(session))
    assert kills == sorted(kills) and kills[-1] < 210, "it was killed before the end"
    code, out, err = finish(*command, cwd=tmp_path)
    assert code == 0, err
    assert f"going on after step {kills[-1]}" in out
    for epoch in range(3):
        name = f"{epoch}.safetensors"
        assert (session / name).read_bytes() == (uninterrupted / name).read_bytes()
    assert same(state_of(session)["learner"], state_of(uninterrupted)["learner"])
    assert log_of(session) == log_of(uninterrupted)
    assert not [
        path for path in session.iterdir() if path.name.endswith(".partial") and "state" not in path.name
    ]


def test_two_processes_are_one(pool, tmp_path, uninterrupted):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(ROOT / "train.py"), "--session", "s", "--chips", str(pool), *map(str, LONG)]
    result = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("epoch 2:") == 1, "only one of them speaks"
    one, two = log_of(uninterrupted), log_of(tmp_path / "sessions" / "s")
    assert [row["step"] for row in one] == [row["step"] for row in two]
    for first, second in zip(one, two, strict=True):
        # Batches of 2 either way: here, not even rounding differs. Where it did, ReLUs would make more of it.
        assert second["loss"] == pytest.approx(first["loss"], rel=1e-5 if first["step"] <= 30 else 1e-2)
        assert second["rate"] == first["rate"]


LEAVING = """
import os, torch
from potato.training.distributed import join_ranks

with join_ranks(torch.device("cpu")) as ranks:
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
    ranks.wait()
left = {open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")}
assert not [name for name in left if "gloo" in name], left
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted as Linux lists them")
def test_no_thread_outlives_the_ranks(tmp_path):
    """One that waits for the interpreter when it ends takes the process down with SIGABRT, now and then."""
    (tmp_path / "leaving.py").write_text(LEAVING)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    result = subprocess.run(
        [*command, str(tmp_path / "leaving.py")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr


def test_a_polite_kill_saves_the_step_at_hand(pool, tmp_path):
    session = tmp_path / "sessions" / "s"
    process = start("--session", "s", "--chips", pool, *LONG, cwd=tmp_path)
    wait_for(lambda: (session / "log.jsonl").exists() and log_of(session), process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted" in err
    assert steps_done(session) >= log_of(session)[-1]["step"] > 0


def test_a_second_ctrl_c_does_not_wait():
    with deferred_interrupts() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_full_disk_is_a_clear_end_and_the_last_state_is_intact(pool, tmp_path):
    plan = settings(tmp_path / "sessions", pool, epochs=1)
    train(plan)
    session = tmp_path / "sessions" / "s"
    before = (session / "state.pt").read_bytes()
    limit = len(before) // 2

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = ("--session", "s", "--chips", pool, "--epoch-length", 24, "--logical-batch", 4, "--lr", 1e-3)
    code, _, err = finish(*command, "--epochs", 2, *SMALL, cwd=tmp_path, preexec_fn=fill)
    assert code == 1 and "can't write there" in err and "intact" in err
    assert len(err.strip().splitlines()) == 1
    assert (session / "state.pt").read_bytes() == before
    assert not list(session.glob(".state*.partial"))
    lines = []
    assert train(replace(plan, epochs=2), say=lines.append).epochs == (0, 1)
    assert any("going on after step 6" in line for line in lines)


def test_a_finished_session_says_so_and_goes_on_when_asked_for_more(pool, tmp_path):
    lines = []
    plan = settings(tmp_path, pool)
    train(plan)
    digest = weights_digest(load_model(tmp_path / "s" / "1.safetensors"))
    assert train(plan, say=lines.append).steps == 12
    assert any("all of its 2 epochs" in line for line in lines)
    assert weights_digest(load_model(tmp_path / "s" / "1.safetensors")) == digest
    more = train(replace(plan, epochs=3))
    assert more.epochs == (0, 1, 2) and more.steps == 18


def test_a_checkpoint_says_where_it_comes_from_and_works(pool, tmp_path):
    done = train(settings(tmp_path, pool, seed=5))
    card = load_card(done.checkpoint)
    assert card["name"] == "s/1" and card["epoch"] == 1 and card["chips_seen"] == 48
    assert card["settings"]["seed"] == 5 and card["data"] and card["code"]
    assert load_model(done.checkpoint).architecture == Architecture(8, 2)
    latest = load_model(tmp_path / "s" / "latest.safetensors")
    assert weights_digest(latest) == weights_digest(load_model(done.checkpoint))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 1e-2}, "--lr 0.001, not 0.01"),
        ({"logical_batch": 8}, "--logical-batch 4, not 8"),
        ({"scenes": 0.5}, "--scenes None, not 0.5"),
        ({"width": 16}, "8 × 2, found --width 16"),
        ({"load_epoch": SHIPPED_EPOCH}, "started from scratch"),
        ({"load_from": "other/3"}, "started from scratch"),
    ],
)
def test_a_session_goes_on_as_it_began_or_not_at_all(pool, tmp_path, change, message):
    plan = settings(tmp_path, pool)
    train(plan)
    before = (tmp_path / "s" / "state.pt").read_bytes()
    with pytest.raises(SessionError, match=message):
        train(replace(plan, **change))
    assert (tmp_path / "s" / "state.pt").read_bytes() == before
    free = replace(
        plan, epochs=3, physical_batch=1, save_every=1.0, from_scratch=True, width=None, depth=None
    )
    assert train(free).steps == 18


def test_other_chips_under_the_same_name_are_noticed(pool, tmp_path):
    chips = tmp_path / "chips"
    shutil.copytree(pool, chips)
    plan = settings(tmp_path, chips)
    train(plan)
    save_chip(scene_chip(9, 9, 80), chips / "0.pt")
    with pytest.raises(SessionError, match=r"chips aren't those.*--load-from s"):
        train(plan)


@pytest.mark.parametrize("damage", [b"", b"no state", None])
def test_a_damaged_state_is_refused_in_one_line(pool, tmp_path, damage):
    plan = settings(tmp_path, pool, epochs=1)
    train(plan)
    path = tmp_path / "s" / "state.pt"
    path.write_bytes(path.read_bytes()[:2000] if damage is None else damage)
    with pytest.raises(SessionError, match=r"state\.pt: expected the state of a session.*--load-from s"):
        train(plan)
    branch = train(replace(plan, session="t", load_from="s"))
    assert branch.epochs == (0, 1)


def test_one_process_at_a_time(pool, tmp_path):
    with Session(tmp_path / "s").open(), pytest.raises(SessionError, match="another process"):
        train(settings(tmp_path, pool))
    assert train(settings(tmp_path, pool)).steps == 12


def test_branching_starts_where_the_other_was(pool, tmp_path):
    plan = settings(tmp_path, pool)
    train(plan)
    branch = replace(plan, session="t", load_from="s/0", width=None, depth=None, lr=1e-4, epochs=1)
    done = train(branch)
    assert done.epochs == (0, 1)
    first, second = (load_model(tmp_path / name / "0.safetensors") for name in "st")
    assert weights_digest(first) == weights_digest(second)
    assert load_card(done.checkpoint)["origin"] == "s/0"
    assert train(replace(branch, epochs=2)).epochs == (0, 1, 2), "the same command goes on"
    assert train(replace(branch, epochs=2, load_from=None)).steps == 12, "and so it does without its origin"
    assert train(replace(branch, session="u", load_from="s")).epochs == (1, 2), (
        "the last one without a number"
    )
    for wrong in ("s/7", "nothing", "nothing/0"):
        with pytest.raises(SessionError, match="expected a session with epoch"):
            train(replace(branch, session="v", load_from=wrong))
    with pytest.raises(SessionError, match="network of 8 × 2"):
        train(replace(branch, session="v", width=16))


def test_the_shipped_epoch_starts_a_session_at_its_number(pool, tmp_path):
    done = train(settings(tmp_path, pool, load_epoch=SHIPPED_EPOCH, epochs=1, width=None, depth=None))
    assert done.epochs == (SHIPPED_EPOCH, SHIPPED_EPOCH + 1)
    started = load_model(tmp_path / "s" / f"{SHIPPED_EPOCH}.safetensors")
    pan, mul, _ = next(held_out(list_chips(pool)[:1], 0, (80, 80), 0)).floats(CPU)
    with torch.no_grad():
        torch.testing.assert_close(sharpen(started, pan, mul), sharpen(load_model(), pan, mul))
    assert started.architecture.depth > 0
    with pytest.raises(SessionError, match=f"ships epoch {SHIPPED_EPOCH}, found --load-epoch 5"):
        train(settings(tmp_path / "other", pool, load_epoch=5))


def test_from_scratch_is_what_the_seed_says(pool, tmp_path):
    plans = [
        settings(tmp_path, pool, session=name, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    a, b, c = (weights_digest(load_model(train(plan).checkpoint)) for plan in plans)
    assert a == b != c


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chips": None, "scenes": 0.5}, "nothing to learn from"),
        ({"session": "a/b"}, "without slashes"),
        ({"session": ".."}, "without slashes"),
        ({"epochs": 0}, "epochs of 1"),
        ({"lr": -1.0}, "lr in 0..1"),
        ({"schedule": "wild"}, "cosine, constant"),
        ({"size": 66}, "4 divides"),
        ({"load_epoch": 63, "from_scratch": True}, "exclude each other"),
        ({"chips": "nowhere"}, "can't list it"),
    ],
)
def test_settings_without_sense_are_refused(tmp_path, pool, change, message):
    with pytest.raises(SessionError, match=message):
        train(settings(tmp_path, pool, **change))
    assert not (tmp_path / "s" / "state.pt").exists()


# ── what a run tells ──────────────────────────────────────────────────────────────────────────────────


def test_the_log_has_every_epoch_once_and_pictures_are_there(pool, tmp_path):
    plan = settings(tmp_path, pool, test_chips=str(pool), test_length=3, epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr("potato.training.run.warn", said.append)
        train(plan)
        train(replace(plan, epochs=2))
    assert all("3 of 3 test chips are trained on too" in text for text in said) and len(said) == 2
    rows = log_of(tmp_path / "s")
    ends = [row for row in rows if row["ended"]]
    assert [row["epoch"] for row in ends] == [0, 1]
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
    for row in ends:
        assert row["test"] > 0 and row["predictor"] == ends[0]["predictor"] and row["test_psnr"] > 20
    assert ends[0]["loss"] == pytest.approx(sum(r["loss"] for r in rows[:6]) / 6, rel=0.1)
    picture = (tmp_path / "s" / "pictures.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n" and len(picture) > 1000


def line(step: int, loss: float = 1.0) -> Line:
    return Line(step, 0, loss, 1e-3, 1.0, 5.0, 0)


def test_what_was_logged_after_the_last_save_is_dropped(tmp_path):
    path = tmp_path / "log.jsonl"
    first = JsonLines(path, 0)
    for step in range(1, 6):
        first.line(line(step))
    with path.open("a") as file:
        file.write('{"step": 6, "lo')  # cut short by a kill
    again = JsonLines(path, 3)
    again.line(line(4, 2.0))
    assert [(row["step"], row["loss"]) for row in log_of(tmp_path)] == [
        (1, 1.0),
        (2, 1.0),
        (3, 1.0),
        (4, 2.0),
    ]


@pytest.mark.skipif(not find_spec("tensorboard"), reason="tensorboard isn't installed")
def test_so_are_points_of_the_curves(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for start_, steps_, loss in ((0, range(1, 6), 1.0), (3, range(4, 5), 2.0)):
        curves = Curves(tmp_path, start_)
        for step in steps_:
            curves.line(line(step, loss))
        curves.close()
        time.sleep(1.1)  # files of events are told apart by the second
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    points = [(point.step, point.value) for point in events.Scalars("loss/train")]
    assert points == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0)]


@pytest.mark.skipif(not find_spec("tensorboard"), reason="tensorboard isn't installed")
def test_a_resumed_run_goes_on_with_its_own_curves(pool, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    plan = settings(tmp_path, pool, test_chips=str(pool), epochs=1, test_length=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("potato.training.run.warn", lambda text: None)
        train(plan)
        train(replace(plan, epochs=2))
    events = EventAccumulator(str(tmp_path / "s" / "tensorboard"))
    events.Reload()
    assert [point.step for point in events.Scalars("loss/epoch")] == [6, 12]
    assert [point.step for point in events.Scalars("loss/train")] == list(range(1, 13))
    assert {"learning rate", "loss/test", "PSNR/test", "chips per second"} <= set(events.Tags()["scalars"])
    assert [image.step for image in events.Images("test chips")][-1] == 12


# ── scenes as chips ───────────────────────────────────────────────────────────────────────────────────


def test_scene_chips_are_their_seed_and_number(tmp_path, pool):
    made = make_scenes(tmp_path / "more", count=3, starting_from=2, seed=1, size=80)
    assert (made.made, made.kept) == (3, 0)
    for number in (2, 3, 4):
        name = f"{number}.pt"
        assert (tmp_path / "more" / name).read_bytes() == (pool / name).read_bytes()
    again = make_scenes(tmp_path / "more", count=5, seed=1, size=80)
    assert (again.made, again.kept) == (2, 3)
    assert len({(pool / f"{number}.pt").read_bytes() for number in range(12)}) == 12
    with pytest.raises(InputError, match="size from 64"):
        make_scenes(tmp_path / "odd", count=1, size=66)


def test_several_processes_make_the_same_scenes(tmp_path, pool, run):
    result = run("make-scenes", tmp_path / "chips", "-n", 2, "--seed", 1, "--size", 80, "-j", 2, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["made"] == 2
    for name in ("0.pt", "1.pt"):
        assert (tmp_path / "chips" / name).read_bytes() == (pool / name).read_bytes()


def test_the_predictor_is_near_the_truth_of_scenes_and_some_have_edges(tmp_path):
    chips = [scene_chip(3, number, 80) for number in range(30)]
    shares = [float(chip.valid.float().mean()) for chip in chips]
    assert 0 < sum(share < 1 for share in shares) < 12
    predictor = Sharpener(Architecture(depth=0))
    for chip in chips[:5]:
        pan, mul, target = (image[None] for image in chip.tensors())
        valid = chip.valid
        with torch.no_grad():
            distance = delta_e_ok(sharpen(predictor, pan, mul), target)
        assert float(distance[valid].mean()) < 4
    for chip in chips:
        edge = chip.valid
        assert bool((chip.pan.int()[edge] > 0).all())


# ── the tutorial ──────────────────────────────────────────────────────────────────────────────────────

TUTORIAL = (
    "--load-epoch 63 --lr 1e-4 --chips chips7 --epoch-length 10240 --epochs 100 --test-chips chips7 "
    "--workers 5",
    "--session spaceheater --chips chips --test-chips chips --epoch-length 1024 --epochs 10 --lr 1e-4",
    "--session demo --chips chips --test-chips chips --epoch-length 1024 --epochs 10 --lr 1e-4",
)


@pytest.mark.parametrize("command", TUTORIAL)
def test_the_commands_of_the_tutorial(pool, tmp_path, command):
    for name in ("chips", "chips7"):
        (tmp_path / name).symlink_to(pool)
    name = command.split()[1] if command.startswith("--session") else "potato"
    session = tmp_path / "sessions" / name
    process = start(*command.split(), cwd=tmp_path)
    first = "0.safetensors" if name == "demo" else "log.jsonl"
    wait_for(lambda: (session / first).exists() and (first != "log.jsonl" or log_of(session)), process)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    warnings = [line for line in err.splitlines() if "warning" in line]
    assert len(warnings) == 1 and "12 of 12 test chips are trained on too" in warnings[0]
    if name == "potato":
        assert "starting from shipped/63: 32 × 4" in out and (session / "63.safetensors").exists()
    else:
        assert "starting from scratch" in out
    if name == "demo":
        demo = [sys.executable, ROOT / "demo.py", "--weights", "sessions/demo/0.safetensors", "--size", "256"]
        result = subprocess.run(demo, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0 and "sharp.tif" in result.stdout, result.stderr


def test_train_as_a_command(pool, tmp_path, run):
    options = ("--sessions", tmp_path, "--session", "s", *SMALL, "--epochs", 1, "--epoch-length", 8)
    result = run("train", "--scenes", 0.5, "--size", 80, "--chips", pool, *options, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["checkpoint"].endswith("0.safetensors") and facts["scores"]["test"] > 0
    assert run("train", "--load-from", "a", "--from-scratch", *options).exit_code == 1
    assert "nothing to learn from" in run("train", "--scenes", 0, *options).stderr
