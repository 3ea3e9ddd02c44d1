"""Contact sheets: chips of a pool side by side, to be looked at before they are trained on."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from potato.chips.chip import Chip, load_chip
from potato.chips.folder import chip_numbers
from potato.core.color import mul_to_oklab
from potato.core.render import NATURAL, render
from potato.core.sensors import RATIO
from potato.errors import ChipError, InputError
from potato.raster import check_output, write_png

GAP = 8
"""White pixels between two pictures."""

INVALID = (255.0, 0.0, 255.0)
"""The colour of what isn't valid."""


@dataclass(frozen=True)
class ChipSheet:
    """What `chips_sheet` drew.

    Attributes:
        output: the picture.
        chips: numbers of the chips on it, row by row.
    """

    output: Path
    chips: tuple[int, ...]

    def __str__(self) -> str:
        """The one line that the command prints."""
        return f"{self.output}: pan, mul and target of chips {', '.join(map(str, self.chips))}"


def chips_sheet(
    pool: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    count: int = 12,
    starting_from: int = 0,
    columns: int = 2,
    overwrite: bool = False,
) -> ChipSheet:
    """Draw chips of a pool as pan, mul and target, in the natural look; what isn't valid is magenta.

    Args:
        pool: a folder of chips.
        output: the PNG to write.
        count: how many chips at most.
        starting_from: the number of the first.
        columns: chips side by side.
        overwrite: whether to replace a file.

    Raises:
        InputError: if a number makes no sense.
        ChipError: if there is no such chip, or one can't be used.
        OutputError, OutputExists: if the picture can't be written.
    """
    if count < 1 or columns < 1:
        raise InputError(f"expected 1 chip or more in 1 column or more, found {count} in {columns}")
    path = check_output(output, overwrite)
    folder = Path(pool)
    if not folder.is_dir():
        raise ChipError(f"{folder}: expected a folder of chips, found none")
    numbers = [n for n in chip_numbers(folder) if n >= starting_from][:count]
    if not numbers:
        raise ChipError(f"{folder}: expected chips ({starting_from}.pt or later), found none")
    pictures = [draw_chip(load_chip(folder / f"{n}.pt")) for n in numbers]
    if len({picture.shape for picture in pictures}) > 1:
        raise ChipError(f"{folder}: expected chips of one size, found several")
    blank = torch.full_like(pictures[0], 255)
    pictures += [blank] * (-len(pictures) % columns)
    rows = [torch.cat(pictures[k : k + columns], 2) for k in range(0, len(pictures), columns)]
    sheet = torch.nn.functional.pad(torch.cat(rows, 1), (GAP, 0, GAP, 0), value=255)
    write_png(path, sheet.to(torch.uint8).numpy())
    return ChipSheet(path, tuple(numbers))


def draw_chip(chip: Chip) -> Tensor:
    """Pan, mul and target of a chip beside each other.

    Returns:
        Codes float32 (3, h + gap, 3·(w + gap)), with white below and to the right of each.
    """
    pan, mul, oklab = chip.tensors()
    grey = torch.cat([pan ** (1 / 3), torch.zeros_like(pan), torch.zeros_like(pan)])
    pictures = (
        (grey, chip.pan.int() > 0),
        (_enlarged(mul_to_oklab(mul)), _enlarged((chip.mul.int() > 0).any(0, keepdim=True))),
        (oklab, chip.valid),
    )
    drawn = []
    for image, valid in pictures:
        codes = torch.where(valid, render(image, NATURAL), torch.tensor(INVALID)[:, None, None])
        drawn.append(torch.nn.functional.pad(codes, (0, GAP, 0, GAP), value=255))
    return torch.cat(drawn, 2)


def _enlarged(image: Tensor) -> Tensor:
    """Pixels of mul as the squares that they are."""
    return image.repeat_interleave(RATIO, 1).repeat_interleave(RATIO, 2)
