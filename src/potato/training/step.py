"""The loop: steps of AdamW on the perceived distance from the truth, and the weights' running mean.

Everything that changes as training goes on is in a `Learner`, and `Learner.state` is all of it: a learner
that is given the state of another goes on exactly as that one would have.
"""

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from potato.core.resample import to_cells
from potato.core.sensors import RATIO
from potato.errors import SessionError
from potato.model.network import Sharpener, sharpen_cells
from potato.training.augment import CLEAR_AIR, add_air, expose
from potato.training.config import Settings
from potato.training.data import Batch
from potato.training.distributed import ALONE, Ranks
from potato.training.losses import delta_e_sum, dullness, fringe_sum, stray_sum

_TAIL = 0.01
"""Where the cosine ends, relative to its top: the last steps still learn."""

_FALL = 0.2
"""Share of a `constant` schedule in which the rate falls to 0 in the end."""


@dataclass(frozen=True)
class Step:
    """What a step did.

    Attributes:
        distance: sum of the loss over valid pixels, JND · pixels.
        pixels: how many were valid.
        skipped: chips that couldn't be read.
        problem: what was wrong with one of them that this process met, or "".
        rate: the learning rate.
        norm: of the gradient before it was clipped.
    """

    distance: float
    pixels: float
    skipped: int
    problem: str
    rate: float
    norm: float

    @property
    def loss(self) -> float:
        """Mean over valid pixels, JND."""
        return self.distance / max(1.0, self.pixels)


@dataclass
class Tally:
    """Sums over steps."""

    distance: float = 0.0
    pixels: float = 0.0
    skipped: int = 0

    def add(self, step: Step) -> None:
        """Count a step."""
        self.distance += step.distance
        self.pixels += step.pixels
        self.skipped += step.skipped

    @property
    def loss(self) -> float:
        """Mean over valid pixels, JND."""
        return self.distance / max(1.0, self.pixels)


@dataclass
class Learner:
    """Everything that changes as training goes on.

    Attributes:
        model: being trained.
        mean: the same with the running mean of the weights: what checkpoints hold.
        optimizer: of `model`.
        scaler: of gradients in half precision; does nothing on a CPU.
        step: how many steps are done.
        epoch: sums of the epoch so far.
        recent: sums since the last line of the log.
    """

    model: Sharpener
    mean: Sharpener
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    step: int = 0
    epoch: Tally = field(default_factory=Tally)
    recent: Tally = field(default_factory=Tally)

    @classmethod
    def start(cls, model: Sharpener, settings: Settings, device: torch.device) -> "Learner":
        """A learner that hasn't learnt anything, from a copy of `model`."""
        model = copy.deepcopy(model).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stub lacks it
        mean = copy.deepcopy(model).eval().requires_grad_(False)
        optimizer = torch.optim.AdamW(
            model.train().parameters(), lr=settings.lr, betas=(0.9, 0.99), weight_decay=settings.weight_decay
        )
        # Half precision is the model's own choice, by device; gradients of single pixels would vanish in it.
        scaler = torch.amp.GradScaler(device.type, init_scale=2.0**12, enabled=device.type in ("cuda", "mps"))
        return cls(model, mean, optimizer, scaler)

    @property
    def device(self) -> torch.device:
        """Where it learns."""
        return next(self.model.parameters()).device

    def state(self) -> dict[str, Any]:
        """All of it, as tensors and plain numbers."""
        return {
            "model": self.model.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "step": self.step,
            "epoch": vars(self.epoch).copy(),
            "recent": vars(self.recent).copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become the learner whose `state` this is.

        Raises:
            SessionError: if it doesn't fit.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.mean.load_state_dict(state["mean"])
            self.optimizer.load_state_dict(state["optimizer"])
            if state["scaler"] and self.scaler.is_enabled():
                self.scaler.load_state_dict(state["scaler"])
            self.step = int(state["step"])
            self.epoch, self.recent = Tally(**state["epoch"]), Tally(**state["recent"])
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise SessionError(
                f"the state doesn't fit its network: {' '.join(str(error).split())[:200]}"
            ) from error

    def check(self) -> None:
        """Refuse weights that aren't numbers any more."""
        finite = all(bool(torch.isfinite(tensor).all()) for tensor in self.model.state_dict().values())
        if not finite:
            raise SessionError(_LOST.format("weights", self.step))


_LOST = (
    "the {} became NaN or infinite at step {}; the last saved state is intact: "
    "begin another session from its last epoch with --load-from, at a lower --lr"
)


def learning_rate(step: int, total: int, settings: Settings) -> float:
    """The learning rate of a step.

    It rises linearly over `warm_up` steps (a tenth of all at most). Then `cosine` falls along a half wave
    to a hundredth; `constant` stays, and falls linearly to 0 over the last fifth.

    Args:
        step: from 0.
        total: steps of the whole session.
        settings: `lr`, `schedule` and `warm_up`.
    """
    warm_up = min(settings.warm_up, total // 10)
    if step < warm_up:
        return settings.lr * (step + 1) / (warm_up + 1)
    way = (step - warm_up) / max(1, total - warm_up)
    if settings.schedule == "cosine":
        return settings.lr * (_TAIL + (1 - _TAIL) * 0.5 * (1 + math.cos(math.pi * way)))
    return settings.lr * min(1.0, (1 - way) / _FALL)


def batch_loss(
    model: Sharpener,
    batch: Batch,
    device: torch.device,
    fringes: float = 0.0,
    strays: float = 0.0,
    vivid: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor, int]:
    """The loss of a batch.

    The model sees chips without any invented pixels: its result is smaller than they are by its radius on
    every side, and the target is cut to it. What is further away it doesn't know.

    Args:
        model: on `device`.
        batch: of chips.
        device: where to compute.
        fringes: weight of `losses.fringe_sum`, times each chip's `doubt` and each cell's `losses.dullness`.
        strays: weight of `losses.stray_sum`, times the same.
        vivid: weight of the loss once more where `dullness` is below ½: vivid things are few.

    Returns:
        Sum of the loss over valid pixels in JND; that of ΔE alone; how many are valid, and how many there
        could be.

    Raises:
        SessionError: if the chips are too small for the model.
    """
    radius = model.halo_valid
    if min(batch.mul.shape[-2:]) <= 2 * radius:
        raise SessionError(
            f"expected chips of more than {2 * radius * RATIO} pan pixels for a network of this depth, "
            f"found {tuple(batch.pan.shape[-2:])}"
        )
    pan, mul, target = batch.floats(device)
    pan_valid, mul_valid = to_cells(pan) > 0, (mul > 0).any(1, keepdim=True)
    target_valid = target[:, :1] > 0
    if bool((batch.air != CLEAR_AIR).any()):
        pan, mul, target = add_air(pan, mul, target, batch.air)
    pan, mul, target = expose(pan, mul, target, batch.exposure.to(device).reshape(-1, 1, 1, 1))
    cells = to_cells(pan)
    pair_valid = None if bool(pan_valid.all() & mul_valid.all()) else (pan_valid, mul_valid)
    output = sharpen_cells(model, cells, mul, pair_valid, radius).float()
    inner = (..., slice(radius, -radius), slice(radius, -radius))
    truth, valid = to_cells(target)[inner], to_cells(target_valid)[inner]
    # In cells (b, 3 · 16, h, w), taken as (b, 3, 16 · h, w): ΔE minds no order of pixels.
    shape = (len(output), 3, -1, output.shape[-1])
    mask = (len(output), 1, -1, output.shape[-1])
    found, true = output.reshape(shape), truth.reshape(shape)
    distance, count = delta_e_sum(found, true, valid.reshape(mask))
    loss = distance
    doubted = bool(fringes or strays) and bool((batch.doubt > 0).any())
    if not (vivid or doubted):
        return loss, distance, count, valid.numel()
    dull = dullness(truth)
    if vivid:
        loss = loss + vivid * delta_e_sum(found, true, (valid & (dull < 0.5)).reshape(mask))[0]
    if doubted:
        weight = batch.doubt.to(device)[:, None, None, None] * dull
        loss = loss + fringes * fringe_sum(output, truth, valid, weight)
        loss = loss + strays * stray_sum(output, truth, cells[inner], valid, weight)
    return loss, distance, count, valid.numel()


def train_step(
    learner: Learner, batches: list[Batch], settings: Settings, total_steps: int, ranks: Ranks = ALONE
) -> Step:
    """One step: gradients of all batches of all processes, added up; then the weights and their mean move.

    The loss is the sum over valid pixels by the number of *all* pixels of the logical batch, which is
    known beforehand; so how it is cut into physical batches and processes shows in rounding only.

    Args:
        learner: it learns.
        batches: this process's share of a logical batch.
        settings: how.
        total_steps: of the whole session, for the schedule.
        ranks: which process this is.

    Raises:
        SessionError: if the loss or a gradient isn't a number; the weights haven't moved then.
    """
    rate = learning_rate(learner.step, total_steps, settings)
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    learner.optimizer.zero_grad(set_to_none=True)
    device = learner.device
    facts = torch.zeros(3, device=device)
    for batch in batches:
        loss, distance, count, pixels = batch_loss(
            learner.model, batch, device, settings.fringes, settings.strays, settings.vivid
        )
        share = settings.logical_batch * pixels / len(batch.pan)
        learner.scaler.scale(loss / share).backward()
        facts += torch.stack(
            [distance.detach(), count.float(), torch.tensor(float(batch.skipped), device=device)]
        )
    _add_gradients(learner.model, facts, ranks)
    learner.scaler.unscale_(learner.optimizer)
    norm = float(nn.utils.clip_grad_norm_(learner.model.parameters(), settings.clip))
    distance_, pixels_, skipped = facts.tolist()
    # In half precision, a gradient that overflows is the scaler's to skip.
    if not math.isfinite(distance_) or not (math.isfinite(norm) or learner.scaler.is_enabled()):
        raise SessionError(_LOST.format("loss", learner.step))
    learner.scaler.step(learner.optimizer)
    learner.scaler.update()
    _move_mean(learner, settings.ema)
    learner.step += 1
    problem = next((batch.problem for batch in batches if batch.problem), "")
    step = Step(distance_, pixels_, int(skipped), problem, rate, norm)
    learner.epoch.add(step)
    learner.recent.add(step)
    return step


def _add_gradients(model: Sharpener, facts: Tensor, ranks: Ranks) -> None:
    """Replace gradients and facts by their sums over all processes, in one exchange."""
    if ranks.count == 1:
        return
    holders = [facts, *(parameter.grad for parameter in model.parameters() if parameter.grad is not None)]
    total = ranks.sum(torch.cat([holder.flatten() for holder in holders]))
    for holder, part in zip(holders, total.split([holder.numel() for holder in holders]), strict=True):
        holder.copy_(part.reshape(holder.shape))


def _move_mean(learner: Learner, most: float) -> None:
    """Move the running mean; early on it follows faster, so that it forgets the start."""
    keep = min(most, (1 + learner.step) / (10 + learner.step))
    with torch.no_grad():
        for mean, now in zip(learner.mean.parameters(), learner.model.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)
