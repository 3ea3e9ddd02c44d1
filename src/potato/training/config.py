"""The options of a training run, with their defaults and limits."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from potato.core.band_sets import choose_sensors
from potato.core.sensors import Sensor
from potato.errors import SessionError

SCHEDULES = ("cosine", "constant")
"""Courses of the learning rate after its warm-up; `step.learning_rate` has the formulas."""

BATCH_SIZE = 1
"""Chips that a step learns from where no number is given; `defaults` has others for GPUs."""

FREE = frozenset(
    {
        *("device", "epochs", "micro_batch", "save_every", "test_chips", "test_length", "workers"),
        # Names of folders; the digest of the data shows whether their content changed.
        *("chips", "photographs", "session", "sessions"),
        # Where to start; `Session.load` compares these with the origin of the session.
        *("depth", "from_scratch", "load_epoch", "load_from", "width"),
    }
)
"""Options that may change when a session goes on; all others shape its weights."""

OLD_NAMES = {
    "fringes": "fringe_weight",
    "strays": "ghost_weight",
    "vivid": "saturated_weight",
    "logical_batch": "batch_size",
    "physical_batch": "micro_batch",
}
"""Options by their names in version 0.1, whose sessions and commands still work."""

LATER: dict[str, Any] = {"caution_weight": 0.0, "sensor": None}
"""Options that older sessions lack, with the values by which these go on as they began."""

_RANGES = {
    **dict.fromkeys(
        ("epoch_length", "epochs", "batch_size", "passes", "micro_batch", "test_length"), (1, math.inf)
    ),
    **dict.fromkeys(("lr", "ema", "scenes"), (0, 1)),
    **dict.fromkeys(("fringe_weight", "ghost_weight", "saturated_weight", "caution_weight"), (0, 1e3)),
    **dict.fromkeys(("save_every", "warm_up", "weight_decay", "workers"), (0, math.inf)),
    "clip": (0, 1e9),
}
"""Smallest and largest value of options."""


@dataclass(frozen=True)
class TrainConfig:
    """The options of a run. Those that shape the weights are in the card of every checkpoint.

    Attributes:
        session: name of the session, a folder in `sessions`.
        sessions: folder of all sessions.
        chips: folder of chips to learn from, or of such folders; or None.
        test_chips: folder of chips to test on, likewise; or None.
        test_length: number of test chips, from the lowest name on.
        scenes: share of samples that are simulated on the fly, 0..1; None for 0 beside chips and 1
            without them.
        photographs: folder of aerial photographs for scenes, or None.
        sensor: the band set, or the one sensor, that sees simulated scenes; None for the set of the
            chips, or worldview without chips.
        passes: passes that image each simulated ground, one after another.
        size: side of a simulated scene in pan pixels, where no chips set it.
        epoch_length: chips in an epoch, rounded up to whole batches.
        epochs: epochs of the whole session, earlier runs included.
        lr: largest learning rate.
        schedule: one of `SCHEDULES`.
        warm_up: steps in which the learning rate rises.
        weight_decay: of AdamW.
        clip: largest norm of a gradient.
        fringe_weight: weight, beside ΔE, of `losses.fringe_loss`: more fine chroma than the
            truth has.
        ghost_weight: weight, beside ΔE, of `losses.ghost_loss`: fine lightness in neither pan nor
            the truth.
        saturated_weight: weight, beside ΔE, of ΔE at saturated pixels, which both losses skip.
        caution_weight: weight, beside ΔE, of what the network changes of the predictor's a and b
            where the artefact weight is 0.
        ema: decay, per step, of the exponential moving average of the weights.
        batch_size: chips that a step learns from; None for the session's, or for
            `defaults.default_batch_size` in a new one.
        micro_batch: chips that are computed at once, which changes memory, not the result; None for
            `defaults.default_micro_batch`.
        instrument: whether three chips in four get sensor artefacts.
        width: channels of a new network; None for the default, or the loaded network's.
        depth: layers of a new network; None for the default, or the loaded network's.
        load_epoch: number of the shipped weights of the sensor, to start from them, or None.
        load_from: `session` or `session/epoch` to start from, or None.
        from_scratch: whether to start from a new network, which is also the default.
        seed: of all random numbers.
        workers: processes that read chips and simulate scenes; 0 for the training process itself,
            None for `defaults.default_workers`.
        save_every: minutes between saves within an epoch.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Raises:
        SessionError: if a value is out of its range, options exclude each other, or there is
            nothing to learn from.
        InputError: if there is no such sensor.
    """

    session: str = "potato"
    sessions: str = "sessions"
    chips: str | None = None
    test_chips: str | None = None
    test_length: int = 64
    scenes: float | None = None
    photographs: str | None = None
    sensor: str | None = None
    passes: int = 4
    size: int = 512
    epoch_length: int = 1024
    epochs: int = 10
    lr: float = 5e-4
    schedule: str = "cosine"
    warm_up: int = 100
    weight_decay: float = 0.01
    clip: float = 10.0
    fringe_weight: float = 4.0
    ghost_weight: float = 0.0
    saturated_weight: float = 0.0
    caution_weight: float = 0.0
    ema: float = 0.999
    batch_size: int | None = None
    micro_batch: int | None = None
    instrument: bool = True
    width: int | None = None
    depth: int | None = None
    load_epoch: int | None = None
    load_from: str | None = None
    from_scratch: bool = False
    seed: int = 0
    workers: int | None = None
    save_every: float = 10.0
    device: str = "auto"

    def __post_init__(self) -> None:
        from potato.simulation.ground import LEAST_SIDE  # loads torch, which --help must not

        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                limits = f"of {low} or more" if high == math.inf else f"in {low}..{high:g}"
                raise SessionError(f"expected {name} {limits}, found {value}")
        if self.schedule not in SCHEDULES:
            raise SessionError(f"expected a schedule of {', '.join(SCHEDULES)}, found {self.schedule}")
        if not self.session or self.session.startswith(".") or set(self.session) & set("/\\"):
            raise SessionError(
                f"expected a session name without slashes, found '{self.session}'; --sessions is its folder"
            )
        if self.scene_share < 1 and self.chips is None:
            raise SessionError("nothing to learn from: name a folder of --chips, or give --scenes 1")
        ratio = self.scene_sensors[0].ratio
        if self.size < LEAST_SIDE or self.size % ratio:
            raise SessionError(
                f"expected a size of {LEAST_SIDE} or more and a multiple of {ratio}, found {self.size}"
            )
        if sum((self.load_epoch is not None, self.load_from is not None, self.from_scratch)) > 1:
            raise SessionError("--load-epoch, --load-from and --from-scratch exclude each other: name one")

    @property
    def scene_share(self) -> float:
        """Share of samples that are simulated scenes, 0..1."""
        if self.scenes is None:
            return 0.0 if self.chips else 1.0
        return self.scenes

    @property
    def scene_sensors(self) -> tuple[Sensor, ...]:
        """The sensors that see simulated scenes where no chips decide it."""
        return choose_sensors(self.sensor or "worldview")

    @property
    def chips_per_step(self) -> int:
        """`batch_size`, or `BATCH_SIZE` if none is given."""
        return self.batch_size or BATCH_SIZE

    @property
    def steps_per_epoch(self) -> int:
        """Steps, of one batch each, in an epoch."""
        return -(-self.epoch_length // self.chips_per_step)

    def binding(self) -> dict[str, Any]:
        """The options that a session can't change when it goes on, ready for JSON."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in FREE}
