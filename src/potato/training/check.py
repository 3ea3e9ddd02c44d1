"""`check_chip`: figures and pictures of a model's distance from the truth of one chip."""

from dataclasses import dataclass
from pathlib import Path

import torch

from potato.chips.chip import load_chip
from potato.core.types import PathLike
from potato.engine.devices import choose_device
from potato.errors import EmptyError
from potato.model.network import Sharpener
from potato.model.weights import PREDICTOR, load_model
from potato.raster.atomic import make_folder
from potato.raster.encoding import write_png
from potato.raster.output_files import check_folder, check_output
from potato.training.score import draw_oklab, score_pixels, sharpen_chips, to_score


@dataclass(frozen=True)
class Checked:
    """The result of `check_chip`.

    Attributes:
        chip: the chip's file.
        delta_e: mean ΔE_OK in JND over valid pixels, 8 pixels of border left out.
        psnr: peak signal-to-noise ratio of the sRGB signals there, dB.
        predictor: ΔE of the bare predictor.
        target: a PNG of the truth.
        output: a PNG of the model's result.
    """

    chip: Path
    delta_e: float
    psnr: float
    predictor: float
    target: Path
    output: Path

    def __str__(self) -> str:
        """The lines that the command prints."""
        return (
            f"{self.chip}: {self.delta_e:.3f} JND (the bare predictor {self.predictor:.3f}), "
            f"PSNR {self.psnr:.2f} dB\ntarget: {self.target}\noutput: {self.output}"
        )


def check_chip(
    chip: PathLike,
    *,
    weights: PathLike | None = None,
    folder: PathLike = "check-out",
    device: str = "auto",
    overwrite: bool = False,
) -> Checked:
    """Sharpen a chip and compare the result with its target.

    Args:
        chip: its file.
        weights: as `load_model` takes them; None for those of the chip's sensor.
        folder: of the pictures `STEM-target.png` and `STEM-output.png`, in the natural look, black
            where invalid.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        overwrite: whether to replace pictures of these names.

    Raises:
        ChipError: if the file isn't a chip.
        EmptyError: if none of its pixels is valid.
        WeightsError: if the weights can't be used.
        OutputError, OutputExists: if a picture can't be written.
    """
    chip, folder = Path(chip), check_folder(folder)
    loaded = load_chip(chip)
    model, where = load_model(weights, loaded.sensor), torch.device(choose_device(device))
    pictures = {name: folder / f"{chip.stem}-{name}.png" for name in ("target", "output")}
    make_folder(folder)
    for path in pictures.values():
        check_output(path, overwrite, (chip, weights))
    pan, mul, target = (tensor[None].to(where) for tensor in loaded.tensors())
    scores, outputs = [], []
    for sharpener in (model, load_model(PREDICTOR)):
        with torch.inference_mode():
            outputs.append(sharpen_chips(Sharpener.of(sharpener, loaded.sensor).to(where), pan, mul))
            sums, _ = score_pixels(outputs[-1], target)
        scores.append(to_score(*sums.tolist()))
    if not scores[0].pixels:
        raise EmptyError(f"{chip}: expected valid pixels inside its border, found none")
    for path, oklab in ((pictures["target"], target[0]), (pictures["output"], outputs[0][0])):
        write_png(path, draw_oklab(oklab, target[0, :1] > 0).to(torch.uint8).numpy())
    return Checked(chip, scores[0].delta_e, scores[0].psnr, scores[1].delta_e, **pictures)
