"""A step: its loss, its options, its micro-batches, and what it refuses."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from networks import random_network
from potato.core.color import delta_e_ok
from potato.core.sensors import SCALE
from potato.errors import SessionError
from potato.model.features import trim
from potato.model.model import Architecture
from potato.model.network import Sharpener, fill_pair, sharpen
from potato.training.augment import CLEAR_AIR
from potato.training.config import TrainConfig
from potato.training.data import chip_paths
from potato.training.dense_fill import fill_pair_densely
from potato.training.loader import Places, open_batches
from potato.training.score import score_batches
from potato.training.step import Learner, batch_loss, learning_rate, train_step
from training_runs import CPU, samples, train_config

PLAIN = TrainConfig(scenes=1.0, fringe_weight=0.0)
"""A loss of ΔE alone."""


def learner(plan: TrainConfig) -> Learner:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Learner.start(Sharpener(Architecture(plan.width, plan.depth)), plan, CPU)


def steps(pool: Path, plan: TrainConfig, count: int = 6, micro: int = 4) -> Learner:
    learning = learner(plan)
    for batches in open_batches(samples(pool), Places(0, count, plan.batch_size, micro)):
        train_step(learning, batches, plan, 100)
    return learning


def weights(model: Sharpener) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("micro", [1, 3])
def test_micro_batches_change_weights_by_rounding_only(pool, tmp_path, micro):
    plan = train_config(tmp_path, pool)
    whole, pieces = steps(pool, plan), steps(pool, plan, micro=micro)
    assert float((weights(whole.model) - weights(learner(plan).model)).abs().max()) > 1e-3, "it learns"
    torch.testing.assert_close(weights(pieces.model), weights(whole.model), atol=2e-6, rtol=0)
    assert pieces.epoch.loss == pytest.approx(whole.epoch.loss, rel=1e-5)


def test_batch_size_changes_the_weights(pool, tmp_path):
    four, two = (steps(pool, train_config(tmp_path, pool, batch_size=size)) for size in (4, 2))
    assert float((weights(four.model) - weights(two.model)).abs().max()) > 1e-4


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_learning_rate_rises_in_the_warm_up_and_falls_after_it(tmp_path, schedule):
    plan = train_config(tmp_path, None, schedule=schedule, warm_up=50, lr=1e-2, epoch_length=4000)
    rates = [learning_rate(step, 1000, plan) for step in range(1000)]
    assert rates[:50] == sorted(rates[:50]) and rates[0] < 1e-3
    assert max(rates) == rates[50] == 1e-2
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert 0 < rates[-1] < 2e-4
    assert (rates[500] < 6e-3) == (schedule == "cosine")
    # The warm-up is at most a tenth of a run.
    assert learning_rate(1, 10, plan) == 1e-2
    assert learning_rate(10, 1000, replace(plan, epoch_length=160)) == 1e-2, "and a quarter of an epoch"


@pytest.mark.parametrize(
    ("option", "value"),
    [("lr", 1e-4), ("weight_decay", 1.0), ("clip", 0.01), ("schedule", "constant"), ("warm_up", 0)],
)
def test_every_option_of_a_step_changes_the_weights(pool, tmp_path, option, value):
    plain = steps(pool, train_config(tmp_path, pool))
    other = steps(pool, train_config(tmp_path, pool, **{option: value}))
    if option == "schedule":
        plain, other = (
            learning_rate(90, 100, train_config(tmp_path, pool, schedule=s)) for s in ("cosine", value)
        )
        assert plain != other
    else:
        assert not torch.equal(weights(plain.model), weights(other.model))


def test_average_follows_the_weights_and_forgets_the_start(pool, tmp_path):
    for ema, close in ((0.0, True), (0.999, False)):
        learning = steps(pool, train_config(tmp_path, pool, ema=ema))
        assert torch.equal(weights(learning.ema), weights(learning.model)) == close
    start_ = weights(learner(train_config(tmp_path, pool)).model)
    way = (weights(learning.ema) - start_).norm() / (weights(learning.model) - start_).norm()
    assert 0.3 < float(way) < 1.2, "it forgets the start"


def test_batch_loss_equals_delta_e_of_the_sharpened_chip(pool, tmp_path):
    """The loss of an unchanged chip against `sharpen`, and the two terms beside ΔE."""
    batch = next(samples(pool, instrument=False).held_out(chip_paths(pool)[:1]))
    model = Sharpener(Architecture(8, 2))
    with torch.no_grad():
        loss, total, count, pixels = batch_loss(model, batch, CPU, PLAIN)
        pan, mul, target = batch.floats(CPU)
        distance = trim(delta_e_ok(sharpen(model, pan, mul), target), 4 * model.halo_valid)
        half, full = (batch._replace(artefact_weight=torch.tensor([share])) for share in (0.5, 1.0))
        terms = replace(PLAIN, fringe_weight=2.0), replace(PLAIN, ghost_weight=2.0)
        found = [[batch_loss(model, one, CPU, term)[:2] for one in (batch, half, full)] for term in terms]
    assert int(count) == pixels == distance.numel()
    assert torch.equal(loss, total)
    for (none, _), (some, _), (all_, plain) in found:
        assert torch.equal(none, total) and torch.equal(plain, total)
        assert all_ > total and float(all_ - total) == pytest.approx(2 * float(some - total), rel=1e-3)
    assert float(total / count) == pytest.approx(float(distance.mean()), abs=0.1), "less the softness"
    assert score_batches(model, [batch], CPU).delta_e == pytest.approx(float(distance.mean()), rel=0.5)


def test_caution_weight_adds_what_changes_predicted_colour_where_no_artefact_is_sure(pool):
    batch = next(samples(pool, instrument=False).held_out(chip_paths(pool)[:1]))
    model, predictor = random_network(), Sharpener(Architecture(depth=0))
    cautious = replace(PLAIN, caution_weight=2.0)
    with torch.no_grad():
        _, plain, count, _ = batch_loss(model, batch, CPU, PLAIN)
        pan, mul, _ = batch.floats(CPU)
        ours, theirs = sharpen(model, pan, mul), sharpen(predictor, pan, mul)
        theirs[:, 0] = ours[:, 0]  # L is free
        changes = trim(delta_e_ok(ours, theirs), 4 * model.halo_valid)
        for share in (0.0, 0.5, 1.0):
            weighted = batch._replace(artefact_weight=torch.tensor([share]))
            loss, total, _, _ = batch_loss(model, weighted, CPU, cautious)
            assert torch.equal(total, plain)
            expected = 2 * (1 - share) * float(changes.mean())
            assert float((loss - total) / count) == pytest.approx(expected, abs=0.2)
    assert float(changes.mean()) > 1


def test_saturated_weight_adds_delta_e_at_saturated_pixels_only(pool):
    """Where every pixel is saturated, weight w makes the loss 1 + w times as large."""
    batch = next(samples(pool, instrument=False).held_out(chip_paths(pool)[:1]))
    model = Sharpener(Architecture(8, 2))
    for chroma, times in ((0.0, 1.0), (0.04, 1.0), (0.1, 4.0)):
        target = torch.tensor([0.5, chroma, 0.0])[None, :, None, None].expand_as(batch.target)
        flat = batch._replace(target=(target * SCALE).to(torch.int16), air=CLEAR_AIR[None])
        with torch.no_grad():
            loss, distance = batch_loss(model, flat, CPU, replace(PLAIN, saturated_weight=3.0))[:2]
        assert float(loss) == pytest.approx(times * float(distance), rel=1e-5)


def test_chips_smaller_than_the_halo_are_refused(pool):
    batch = next(samples(pool, instrument=False).held_out(chip_paths(pool)[:1]))
    with pytest.raises(SessionError, match="more than 96 pan pixels"):
        batch_loss(Sharpener(Architecture(8, 8)), batch, CPU, PLAIN)


def test_nan_loss_ends_the_run_before_the_weights_move(pool, tmp_path):
    plan = train_config(tmp_path, pool)
    learning = steps(pool, plan, 2)
    with torch.no_grad():
        learning.model.layers[0].weight[0] = float("nan")
    before = learning.ema.state_dict()["layers.1.weight"].clone()
    batches = next(open_batches(samples(pool), Places(0, 1, 4, 4)))
    with pytest.raises(SessionError, match=r"loss became NaN or infinite at step 2.*--load-from"):
        train_step(learning, batches, plan, 100)
    assert learning.step == 2 and torch.equal(learning.ema.state_dict()["layers.1.weight"], before)
    with pytest.raises(SessionError, match="weights became NaN"):
        learning.check()


class _CopiesToDevice(TorchDispatchMode):
    """Notes the types of tensors that are copied from the CPU to another device and waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_for: set[torch.dtype] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        copied = function is torch.ops.aten._to_copy.default and args[0].device != result.device
        if copied and not (kwargs or {}).get("non_blocking"):
            self.waited_for.add(args[0].dtype)
        return result


def test_step_on_a_device_waits_for_nothing(pool, tmp_path, monkeypatch):
    """Tensors of the device "meta" have no values, so a step that reads one there fails."""
    # autocast doesn't know that device; in training it does nothing.
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    names = "fringe_weight", "ghost_weight", "saturated_weight", "caution_weight"
    weights_ = dict.fromkeys(names, 1.0)
    plan = train_config(tmp_path, pool, **weights_)
    learning = Learner.start(Sharpener(Architecture(8, 2)), plan, torch.device("meta"))
    for step, batches in enumerate(open_batches(samples(pool), Places(0, 2, 4, 2))):
        holed = [batch._replace(whole=False) for batch in batches]
        with _CopiesToDevice() as copies:
            train_step(learning, holed, plan, 100)
        # Constants are copied once.
        assert step == 0 or not copies.waited_for
    assert learning.step == 2 and len(learning.pending) == 2
    with pytest.raises(NotImplementedError):
        learning.settle()


def test_steps_that_are_settled_later_count_as_if_each_were_settled(pool, tmp_path):
    plan = train_config(tmp_path, pool)
    learning = steps(pool, plan, 3)
    found = [torch.tensor([6.0, 3.0, 1.0, 0.5]), torch.tensor([2.0, 1.0, 0.0, 0.25])]
    before = replace(learning.epoch)
    learning.pending = list(enumerate(found))
    assert learning.state()["epoch"]["distance"] == before.distance + 8
    assert (learning.epoch.pixels, learning.epoch.skipped) == (before.pixels + 4, before.skipped + 1)
    assert learning.norm == 0.25 and not learning.pending
    learning.pending = [(7, found[0]), (8, found[1] * float("nan"))]
    with pytest.raises(SessionError, match=r"loss became NaN or infinite at step 8"):
        learning.check()


def test_state_from_a_gpu_goes_on_with_the_cpus_own_optimizer(pool, tmp_path):
    plan = train_config(tmp_path, pool)
    state = steps(pool, plan, 2).state()
    state["optimizer"]["param_groups"][0]["fused"] = True
    learning = learner(plan)
    learning.restore(state)
    assert learning.optimizer.param_groups[0]["fused"] is None


@given(st.integers(0, 1000), st.floats(0, 1), st.integers(0, 6))
def test_dense_fill_equals_the_fill_of_blocks(seed, share, reach):
    generator = torch.Generator().manual_seed(seed)
    pan, mul, draw = (torch.rand(2, count, 9, 7, generator=generator) for count in (16, 8, 17))
    valid = draw[:, :16] > share, draw[:, 16:] > share
    dense, sparse = (fill(pan, mul, *valid, reach) for fill in (fill_pair_densely, fill_pair))
    torch.testing.assert_close(dense, sparse, atol=1e-6, rtol=0)
