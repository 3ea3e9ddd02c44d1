"""What a run tells: JSON lines, curves, pictures, a progress bar. The loop never asks which are on."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import torch
from torch import Tensor
from tqdm import tqdm

from potato.core.color import delta_e_ok
from potato.core.draw import render_pan, side_by_side
from potato.core.render import NATURAL, dither, render
from potato.errors import SessionError
from potato.model.network import Sharpener
from potato.raster import write_png
from potato.raster.atomic import write_whole
from potato.training.data import Batch
from potato.training.score import sharpen_chips

_CROP = 256
"""Side of what pictures show of a chip, pan pixels."""

_LIGHT = 10.0
"""JND that a map of errors shows as white."""


@dataclass(frozen=True)
class Line:
    """A line of the log.

    Attributes:
        step: steps done.
        epoch: the number of the epoch that the last of them belongs to.
        loss: mean since the last line, or of the epoch in its last line, JND.
        rate: the learning rate of the last step.
        norm: of its gradient.
        chips_per_second: since the last line.
        skipped: chips of the epoch so far that couldn't be read.
        test: ΔE of the test chips in JND, in an epoch's last line where there are test chips.
        test_psnr: their PSNR, dB.
        predictor: ΔE of the bare predictor on them.
    """

    step: int
    epoch: int
    loss: float
    rate: float
    norm: float
    chips_per_second: float
    skipped: int
    test: float | None = None
    test_psnr: float | None = None
    predictor: float | None = None
    ended: bool = False

    def __str__(self) -> str:
        """For people."""
        test = ""
        if self.test is not None and self.predictor:
            ratio = self.test / self.predictor
            test = f", test {self.test:.3f} JND, {ratio:.3f} of the predictor's {self.predictor:.3f}"
        skipped = f", {self.skipped} chips skipped" if self.skipped else ""
        speed = f", {self.chips_per_second:.1f} chips/s"
        return f"epoch {self.epoch}: loss {self.loss:.3f} JND{test}{speed}{skipped}"


class Reporter(Protocol):
    """What hears of a run."""

    def step(self, chips: int, loss: float) -> None:
        """A step was done on so many chips."""

    def line(self, line: Line) -> None:
        """A line of the log is due."""

    def pictures(self, epoch: int, step: int, picture: Tensor) -> None:
        """An epoch's pictures, codes (3, h, w)."""

    def close(self) -> None:
        """The run is over."""


class JsonLines:
    """The log as JSON lines; a session that goes on drops what was logged after its last save."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        kept = []
        if path.exists():
            for text in path.read_text().splitlines():
                try:
                    if json.loads(text)["step"] <= step:
                        kept.append(text + "\n")
                except (ValueError, KeyError, TypeError):
                    continue  # the line that a kill cut short
        write_whole(path, "".join(kept))

    def step(self, chips: int, loss: float) -> None:
        """Nothing."""

    def line(self, line: Line) -> None:
        """Append it."""
        facts = {name: value for name, value in asdict(line).items() if value is not None}
        try:
            with self.path.open("a") as file:
                file.write(json.dumps({**facts, "time": round(time.time(), 1)}) + "\n")
        except OSError as error:
            raise SessionError(
                f"{self.path}: can't write there: {error.strerror or error}; what was saved before is intact"
            ) from error

    def pictures(self, epoch: int, step: int, picture: Tensor) -> None:
        """Write them beside the log, over the last ones."""
        write_png(self.path.with_name("pictures.png"), picture.to(torch.uint8).cpu().numpy())

    def close(self) -> None:
        """Nothing."""


class Curves:
    """TensorBoard, one run for a session, however often it was interrupted."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self.writer: Any = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def step(self, chips: int, loss: float) -> None:
        """Nothing."""

    def line(self, line: Line) -> None:
        """Add a point to each curve."""
        names = {
            "loss": "loss/epoch" if line.ended else "loss/train",
            "rate": "learning rate",
            "norm": "gradient",
        }
        names |= {"chips_per_second": "chips per second", "test": "loss/test", "test_psnr": "PSNR/test"}
        for name, title in names.items():
            value = getattr(line, name)
            if value is not None:
                self.writer.add_scalar(title, value, line.step)

    def pictures(self, epoch: int, step: int, picture: Tensor) -> None:
        """Add them."""
        self.writer.add_image("test chips", picture.to(torch.uint8), step)
        self.writer.flush()

    def close(self) -> None:
        """Flush what is held."""
        self.writer.close()


class Bar:
    """A progress bar for each epoch, and its line when it ends."""

    def __init__(self, chips: int, done: int, epoch: int, say: Callable[[str], None], bar: bool) -> None:
        self.chips, self.say, self.disabled = chips, say, not bar
        self.bar = self._new(epoch, done)

    def _new(self, epoch: int, done: int = 0) -> "tqdm[Any]":
        return tqdm(
            total=self.chips,
            initial=done,
            desc=f"epoch {epoch}",
            unit="chip",
            disable=self.disabled,
            leave=False,
        )

    def step(self, chips: int, loss: float) -> None:
        """Move on."""
        self.bar.set_postfix_str(f"loss {loss:.3f} JND", refresh=False)
        self.bar.update(chips)

    def line(self, line: Line) -> None:
        """Say an epoch's last line and begin the next bar."""
        if line.ended:
            self.bar.close()
            self.say(str(line))
            self.bar = self._new(line.epoch + 1)

    def pictures(self, epoch: int, step: int, picture: Tensor) -> None:
        """Nothing."""

    def close(self) -> None:
        """Take the bar away."""
        self.bar.close()


class Reporters:
    """Several reporters as one; none of them is one too, and says nothing."""

    def __init__(self, reporters: Sequence[Reporter] = ()) -> None:
        self.reporters = reporters

    def step(self, chips: int, loss: float) -> None:
        """Tell all."""
        for reporter in self.reporters:
            reporter.step(chips, loss)

    def line(self, line: Line) -> None:
        """Tell all."""
        for reporter in self.reporters:
            reporter.line(line)

    def pictures(self, epoch: int, step: int, picture: Tensor) -> None:
        """Show all."""
        for reporter in self.reporters:
            reporter.pictures(epoch, step, picture)

    def close(self) -> None:
        """Tell all."""
        for reporter in self.reporters:
            reporter.close()


def warn(text: str, stream: IO[str] | None = None) -> None:
    """Say something that doesn't stop a run, on stderr, past a progress bar."""
    tqdm.write(f"potato: warning: {text}", file=stream or sys.stderr)


def draw_chips(model: Sharpener, batches: Sequence[Batch], device: torch.device) -> Tensor:
    """Chips as people see them: pan, target, output, and a map of ΔE (white is 10 JND), a row for each.

    Args:
        model: on `device`.
        batches: one chip each.
        device: where to compute.

    Returns:
        Codes 0..255 (3, h, w), the middle of each chip.
    """
    rows = []
    for batch in batches:
        pan, mul, target = batch.floats(device)
        with torch.inference_mode():
            output = sharpen_chips(model, pan, mul)
        valid = target[:, :1] > 0
        output = torch.where(valid, output, torch.zeros_like(output))
        distance = (delta_e_ok(output, target)[0] / _LIGHT).clamp(0, 1).mul(255).expand(3, -1, -1)
        looks = [render(image[0].cpu(), NATURAL, dither(*image.shape[-2:])) for image in (target, output)]
        pieces = [render_pan(pan[0, 0].cpu()), *looks, distance.cpu()]
        rows.append(side_by_side(*(_middle(piece) for piece in pieces)))
    width = min(row.shape[2] for row in rows)
    return torch.cat([row[..., :width] for row in rows], 1)


def _middle(picture: Tensor) -> Tensor:
    height, width = picture.shape[-2:]
    side = min(_CROP, height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[..., top : top + side, left : left + side]
