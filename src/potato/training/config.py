"""What a training run is told to do."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from potato.chips.chip import SIZE
from potato.core.sensors import RATIO
from potato.errors import SessionError
from potato.simulation.ground import LEAST_SIDE

SCHEDULES = ("cosine", "constant")
"""How the learning rate goes on after its warm-up; `epochs.learning_rate` has the formulas."""

FREE = frozenset(
    {
        *("device", "epochs", "physical_batch", "save_every", "test_chips", "test_length", "workers"),
        # Names of places; what lies there is known by its digest.
        *("chips", "photographs", "session", "sessions"),
        # Questions of the start, which `Session.load` compares with what it was.
        *("depth", "from_scratch", "load_epoch", "load_from", "width"),
    }
)
"""Settings that may change when a session goes on; all others are part of what its weights are."""


@dataclass(frozen=True)
class Settings:
    """Everything that a run is told; numbers that shape the weights travel in every checkpoint's card.

    Attributes:
        session: name of the session, a folder in `sessions`.
        sessions: where sessions are.
        chips: folder of chips to learn from, or None.
        test_chips: folder of chips to judge by, or None.
        test_length: how many of them, from the lowest number on.
        scenes: share of what is learnt from that is simulated on the fly, 0..1; None for 0 beside chips and
            1 without them.
        photographs: folder of aerial photographs for scenes, or None.
        passes: how often each simulated ground is seen: other passes, other noise, turned another way.
        size: side of a simulated scene in pan pixels, where there are no chips to tell.
        epoch_length: chips in an epoch, rounded up to whole batches.
        epochs: how many epochs the session has in the end.
        lr: the highest learning rate.
        schedule: one of `SCHEDULES`.
        warm_up: steps in which the learning rate rises.
        weight_decay: of AdamW.
        clip: the largest norm of a gradient.
        fringes: weight, beside ΔE, of magenta and green beyond the truth's: `losses.fringe_sum`.
        strays: weight, beside ΔE, of fine lightness that neither pan nor the truth has: `losses.stray_sum`.
        vivid: weight, beside ΔE, of ΔE once more at vivid things, where neither of those two is asked.
        ema: how much of the averaged weights stays in each step.
        logical_batch: chips that a step learns from.
        physical_batch: chips that are computed at once; shows in memory, not in the result.
        instrument: whether three chips in four are given faults of the instrument.
        width, depth: of a new network; None for those of `Architecture`, or what is loaded.
        load_epoch: the number of the shipped epoch to start from, or None.
        load_from: `session` or `session/epoch` to start from, or None.
        seed: of everything random.
        workers: processes that read and invent; 0 does it between the steps.
        save_every: minutes between saves within an epoch.
        device: as for `fuse`.

    Raises:
        SessionError: if a number makes no sense, or there is nothing to learn from.
    """

    session: str = "potato"
    sessions: str = "sessions"
    chips: str | None = None
    test_chips: str | None = None
    test_length: int = 64
    scenes: float | None = None
    photographs: str | None = None
    passes: int = 4
    size: int = SIZE
    epoch_length: int = 1024
    epochs: int = 10
    lr: float = 5e-4
    schedule: str = "cosine"
    warm_up: int = 100
    weight_decay: float = 0.01
    clip: float = 10.0
    fringes: float = 0.8
    strays: float = 0.0
    vivid: float = 0.0
    ema: float = 0.999
    logical_batch: int = 8
    physical_batch: int = 4
    instrument: bool = True
    width: int | None = None
    depth: int | None = None
    load_epoch: int | None = None
    load_from: str | None = None
    from_scratch: bool = False
    seed: int = 0
    workers: int = 1
    save_every: float = 10.0
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("epoch_length", "epochs", "logical_batch", "passes", "physical_batch", "test_length"):
            if getattr(self, name) < 1:
                raise SessionError(f"expected {name} of 1 or more, found {getattr(self, name)}")
        for name, low, high in (
            ("lr", 0, 1),
            ("clip", 0, 1e9),
            ("fringes", 0, 1e3),
            ("strays", 0, 1e3),
            ("vivid", 0, 1e3),
            ("ema", 0, 1),
            ("share", 0, 1),
        ):
            if not low <= getattr(self, name) <= high:
                raise SessionError(f"expected {name} in {low}..{high:g}, found {getattr(self, name)}")
        if self.schedule not in SCHEDULES:
            raise SessionError(f"expected a schedule of {', '.join(SCHEDULES)}, found {self.schedule}")
        if not self.session or self.session.startswith(".") or set(self.session) & set("/\\"):
            raise SessionError(f"expected a session name without slashes, found '{self.session}'")
        if self.share < 1 and self.chips is None:
            raise SessionError("nothing to learn from: name a folder of --chips, or give --scenes 1")
        if self.size < LEAST_SIDE or self.size % RATIO:
            raise SessionError(f"expected a size from {LEAST_SIDE} that {RATIO} divides, found {self.size}")
        if sum((self.load_epoch is not None, self.load_from is not None, self.from_scratch)) > 1:
            raise SessionError("--load-epoch, --load-from and --from-scratch exclude each other: name one")

    @property
    def share(self) -> float:
        """Share of simulated scenes, decided."""
        if self.scenes is None:
            return 0.0 if self.chips else 1.0
        return self.scenes

    @property
    def steps_per_epoch(self) -> int:
        """Steps, each of one logical batch, in an epoch."""
        return -(-self.epoch_length // self.logical_batch)

    def binding(self) -> dict[str, Any]:
        """The settings that a session can't change on its way, ready for JSON."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in FREE}
