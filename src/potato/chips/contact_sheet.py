"""Contact sheets: chips of a pool side by side, to be checked by eye before training."""

from dataclasses import dataclass
from pathlib import Path

import torch

from potato.chips.chip import load_chip
from potato.chips.folder import MANIFEST, list_chips
from potato.core.draw import GUTTER
from potato.core.types import PathLike
from potato.errors import ChipError, InputError
from potato.raster.encoding import write_png
from potato.raster.output_files import check_output


@dataclass(frozen=True)
class ChipSheet:
    """The result of `chips_sheet`.

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
    pool: PathLike,
    output: PathLike,
    *,
    count: int = 12,
    starting_from: int = 0,
    columns: int = 2,
    overwrite: bool = False,
) -> ChipSheet:
    """Draw pan, mul and target of some chips in the natural look; invalid pixels are magenta.

    Args:
        pool: a folder of chips.
        output: the PNG to write.
        count: how many chips at most.
        starting_from: number of the first chip.
        columns: chips side by side.
        overwrite: whether to replace an existing file.

    Raises:
        InputError: if `count` or `columns` is less than 1.
        ChipError: if there is no such chip, one can't be read, or their sizes differ.
        OutputError, OutputExists: if the picture can't be written.
    """
    if count < 1 or columns < 1:
        raise InputError(f"expected 1 chip or more in 1 column or more, found {count} in {columns}")
    folder = Path(pool)
    path = check_output(output, overwrite, [folder / MANIFEST, *folder.glob("*.pt")], [".png"])
    if not folder.is_dir():
        raise ChipError(f"{folder}: expected a folder of chips, found none")
    chips = list_chips(folder)
    shown = [chip for chip in chips if int(chip.stem) >= starting_from][:count]
    if not shown:
        raise ChipError(f"{folder}: expected chips ({starting_from}.pt or later), found none")
    pictures = [load_chip(chip).draw() for chip in shown]
    if len({picture.shape for picture in pictures}) > 1:
        raise ChipError(f"{folder}: expected chips of one size, found several")
    blank = torch.full_like(pictures[0], 255)
    pictures += [blank] * (-len(pictures) % columns)
    rows = [torch.cat(pictures[k : k + columns], 2) for k in range(0, len(pictures), columns)]
    sheet = torch.nn.functional.pad(torch.cat(rows, 1), (GUTTER, 0, GUTTER, 0), value=255)
    write_png(path, sheet.to(torch.uint8).numpy())
    return ChipSheet(path, tuple(int(chip.stem) for chip in shown))
