"""One step of training: loss, gradient, AdamW, and the moving average of the weights.

A `Learner` holds everything that changes as training goes on, and `Learner.state` returns all of
it: a learner that restores the state of another goes on exactly as the other would have.
"""

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from potato.core.resample import to_cells
from potato.core.text import one_line
from potato.errors import SessionError
from potato.model.features import trim
from potato.model.model import Architecture
from potato.model.network import Sharpener, sharpen_cells
from potato.training.augment import CLEAR_AIR, add_air, expose
from potato.training.config import TrainConfig
from potato.training.data import Batch
from potato.training.dense_fill import fill_pair_densely
from potato.training.distributed import ALONE, Ranks
from potato.training.losses import weighted_loss

ADAM_BETAS = (0.9, 0.99)
"""Decay of AdamW's averages of the gradient and its square; the second is shorter than the usual
0.999 because sessions have few steps."""

_COSINE_END = 0.01
"""Learning rate at the end of `cosine` relative to its top: the last steps still learn."""

_CONSTANT_FALL = 0.2
"""Share of a `constant` schedule, at its end, in which the learning rate falls to 0."""

_LOST = (
    "the {} became NaN or infinite at step {}; the last saved state is intact: "
    "begin another session from its last epoch with --load-from, at a lower --lr"
)


@dataclass
class Tally:
    """Sums over steps.

    Attributes:
        distance: sum of ΔE over valid pixels, JND · pixels.
        pixels: number of valid pixels.
        skipped: number of chips that couldn't be read.
    """

    distance: float = 0.0
    pixels: float = 0.0
    skipped: int = 0

    def add(self, other: "Tally") -> None:
        """Add the sums of other steps."""
        self.distance += other.distance
        self.pixels += other.pixels
        self.skipped += other.skipped

    @property
    def loss(self) -> float:
        """Mean ΔE of valid pixels, JND."""
        return self.distance / max(1.0, self.pixels)


@dataclass(frozen=True)
class Step:
    """The result of a step.

    Attributes:
        problem: the fault of a chip that this process couldn't read, or "".
        rate: the learning rate.
    """

    problem: str
    rate: float


@dataclass
class Learner:
    """Everything that changes as training goes on.

    Attributes:
        model: in training.
        ema: a copy with the exponential moving average of the weights: what checkpoints hold.
        optimizer: of `model`.
        step: number of steps done.
        epoch: sums of the epoch so far.
        recent: sums since the last line of the log.
        norm: of the last step's gradient before it was clipped.
        pending: numbers of steps whose sums `settle` hasn't read yet, with ΔE, valid pixels,
            skipped chips and norm (4,), on the device.
    """

    model: Sharpener
    ema: Sharpener
    optimizer: torch.optim.Optimizer
    step: int = 0
    epoch: Tally = field(default_factory=Tally)
    recent: Tally = field(default_factory=Tally)
    norm: float = 0.0
    pending: list[tuple[int, Tensor]] = field(default_factory=list)

    @classmethod
    def start(cls, model: Sharpener, config: TrainConfig, device: torch.device) -> "Learner":
        """A learner at step 0, with a copy of `model`."""
        model = copy.deepcopy(model).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stub lacks it
        ema = copy.deepcopy(model).eval().requires_grad_(False)
        optimizer = torch.optim.AdamW(
            model.train().parameters(),
            lr=config.lr,
            betas=ADAM_BETAS,
            weight_decay=config.weight_decay,
            fused=device.type == "cuda" or None,
        )
        return cls(model, ema, optimizer)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.model.parameters()).device

    def settle(self) -> None:
        """Add the sums of the steps since the last call to `epoch` and `recent`.

        On a GPU, reading a number waits until all steps before it are done, so many are read at
        once.

        Raises:
            SessionError: if a loss or a gradient is NaN or infinite.
        """
        if not self.pending:
            return
        steps, sums = zip(*self.pending, strict=True)
        self.pending = []
        for step, (distance, pixels, skipped, norm) in zip(steps, torch.stack(sums).tolist(), strict=True):
            if not (math.isfinite(distance) and math.isfinite(norm)):
                raise SessionError(_LOST.format("loss", step))
            for tally in (self.epoch, self.recent):
                tally.add(Tally(distance, pixels, int(skipped)))
            self.norm = norm

    def state(self) -> dict[str, Any]:
        """The whole learner as tensors and plain numbers.

        Raises:
            SessionError: as `settle` does.
        """
        self.settle()
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "epoch": vars(self.epoch).copy(),
            "recent": vars(self.recent).copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a `state`.

        Raises:
            SessionError: if it doesn't fit the network.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.ema.load_state_dict(state["ema" if "ema" in state else "mean"])  # "mean" in version 0.1
            # The state may come from another kind of device, where AdamW is implemented otherwise.
            own = {"fused": self.optimizer.param_groups[0]["fused"]}
            groups = [{**group, **own} for group in state["optimizer"]["param_groups"]]
            self.optimizer.load_state_dict({**state["optimizer"], "param_groups": groups})
            self.step = int(state["step"])
            self.epoch, self.recent = Tally(**state["epoch"]), Tally(**state["recent"])
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise SessionError(f"the state doesn't fit its network: {one_line(error, 200)}") from error

    def check(self) -> None:
        """Refuse weights that are NaN or infinite.

        Raises:
            SessionError: if one is, or as `settle` does.
        """
        self.settle()
        if not all(bool(torch.isfinite(tensor).all()) for tensor in self.model.state_dict().values()):
            raise SessionError(_LOST.format("weights", self.step))


def learning_rate(step: int, total: int, config: TrainConfig) -> float:
    """The learning rate of a step.

    It rises linearly over `warm_up` steps, at most a tenth of all and a quarter of an epoch, so the
    first epoch learns something. Then `cosine` falls along a half wave to a hundredth; `constant`
    stays, and falls linearly to 0 over the last fifth.

    Args:
        step: from 0.
        total: steps of the whole session.
        config: its `lr`, `schedule` and `warm_up` are read.
    """
    warm_up = min(config.warm_up, total // 10, config.steps_per_epoch // 4)
    if step < warm_up:
        return config.lr * (step + 1) / (warm_up + 1)
    way = (step - warm_up) / max(1, total - warm_up)
    if config.schedule == "cosine":
        return config.lr * (_COSINE_END + (1 - _COSINE_END) * 0.5 * (1 + math.cos(math.pi * way)))
    return config.lr * min(1.0, (1 - way) / _CONSTANT_FALL)


def batch_loss(
    model: Sharpener, batch: Batch, device: torch.device, config: TrainConfig
) -> tuple[Tensor, Tensor, Tensor, int]:
    """The loss of a batch.

    The model sees no pixels beyond its chips: its result is smaller than they are by `halo_valid`
    on every side, to which the target is cropped. Pixels further out are unknown to it.

    Args:
        model: on `device`.
        batch: of chips.
        device: where to compute.
        config: its weights of the terms of the loss are read.

    Returns:
        Sums over valid pixels of the loss and of ΔE alone, in JND; the number of valid pixels; and
        the number of all pixels.

    Raises:
        SessionError: if the chips are too small for the model.
    """
    halo, ratio = model.halo_valid, batch.sensors[0].ratio
    if min(batch.mul.shape[-2:]) <= 2 * halo:
        raise SessionError(
            f"expected chips of more than {2 * halo * ratio} pan pixels for a network of this "
            f"depth, found {tuple(batch.pan.shape[-2:])}"
        )
    pan, mul, target = batch.floats(device)
    pair_valid = to_cells(pan, ratio) > 0, (mul > 0).any(1, keepdim=True)
    target_valid = target[:, :1] > 0
    exposure, air = (each.to(device, non_blocking=True) for each in (batch.exposure, batch.air))
    matrices = batch.matrices(device)
    if bool((batch.air != CLEAR_AIR).any()):
        pan, mul, target = add_air(pan, mul, target, air, matrices)
    pan, mul, target = expose(pan, mul, target, exposure.reshape(-1, 1, 1, 1))
    cells = to_cells(pan, ratio)
    pair = _filled(cells, mul, pair_valid, batch, halo)
    output = sharpen_cells(model, *pair, halo, matrices).float()
    predicted = None
    if config.caution_weight:
        # Where pan sees infrared, the network corrects another predictor: this one runs beside it.
        with torch.no_grad():
            predictor = Sharpener(Architecture(depth=0), model.sensor)
            predicted = sharpen_cells(predictor, *pair, halo, matrices).float()
    truth, cells, valid = (
        trim(image, halo) for image in (to_cells(target, ratio), cells, to_cells(target_valid, ratio))
    )
    terms = weighted_loss(output, truth, cells, valid, batch.artefact_weight, config, predicted)
    return *terms, valid.numel()


def _filled(
    pan: Tensor, mul: Tensor, valid: tuple[Tensor, Tensor], batch: Batch, reach: int
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
    """Pan, mul and masks as `sharpen_cells` takes them; filled already where it would wait."""
    if batch.whole:
        return pan, mul, None
    if pan.device.type == "cpu":
        return pan, mul, valid
    return *fill_pair_densely(pan, mul, *valid, reach), None


def train_step(
    learner: Learner, batches: list[Batch], config: TrainConfig, total_steps: int, ranks: Ranks = ALONE
) -> Step:
    """Add up the gradients of all batches in all processes, then move the weights.

    The loss is the sum over valid pixels by the number of *all* pixels of the batch, which is known
    beforehand. So micro-batches and processes change the result by rounding only.

    On a GPU the step is only handed over, and nothing waits for it: its sums are read, and checked,
    by `Learner.settle`.

    Args:
        learner: changed.
        batches: this process's micro-batches of the step.
        config: of the session.
        total_steps: of the whole session, for the schedule.
        ranks: this process among those of the run.

    Raises:
        SessionError: on a CPU, if the loss or a gradient is NaN or infinite; the weights are
            unchanged then.
    """
    rate = learning_rate(learner.step, total_steps, config)
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    learner.pending.append((learner.step, _find_gradient(learner, batches, config, ranks)))
    if learner.device.type == "cpu":
        learner.settle()
    learner.optimizer.step()
    _move_average(learner, config.ema)
    learner.step += 1
    problem = next((batch.problem for batch in batches if batch.problem), "")
    return Step(problem, rate)


def _find_gradient(learner: Learner, batches: list[Batch], config: TrainConfig, ranks: Ranks) -> Tensor:
    """Put the clipped gradient of a step into the model; its sums as `Learner.pending` has them."""
    learner.optimizer.zero_grad(set_to_none=True)
    device = learner.device
    sums = torch.zeros(3, device=device)
    for batch in batches:
        loss, distance, count, pixels = batch_loss(learner.model, batch, device, config)
        share = config.chips_per_step * pixels / len(batch.pan)
        (loss / share).backward()
        skipped = torch.full((), float(batch.skipped), device=device)
        sums += torch.stack([distance.detach(), count.float(), skipped])
    _add_over_ranks(learner.model, sums, ranks)
    norm = nn.utils.clip_grad_norm_(learner.model.parameters(), config.clip)
    return torch.cat([sums, norm[None]])


def _add_over_ranks(model: Sharpener, sums: Tensor, ranks: Ranks) -> None:
    """Replace gradients and `sums` by their sums over all processes, in one exchange."""
    if ranks.count == 1:
        return
    holders = [sums, *(parameter.grad for parameter in model.parameters() if parameter.grad is not None)]
    total = ranks.sum(torch.cat([holder.flatten() for holder in holders]))
    for holder, part in zip(holders, total.split([holder.numel() for holder in holders]), strict=True):
        holder.copy_(part.reshape(holder.shape))


def _move_average(learner: Learner, largest_decay: float) -> None:
    """Move the average of the weights; its decay is smaller in early steps, to forget the start."""
    decay = min(largest_decay, (1 + learner.step) / (10 + learner.step))
    with torch.no_grad():
        for mean, now in zip(learner.ema.parameters(), learner.model.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)
