"""Files of tensors as PyTorch writes them, read safely whatever their origin."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from potato.core.installation import extra_for
from potato.core.types import PathLike
from potato.raster.untrusted import check_file

_PROTOCOL_2 = b"\x80\x02"
"""How the pickles begin that `torch.save` writes."""


def load_tensors(path: PathLike, most: int) -> Any:
    """The content of a `.pt` file: tensors, and collections of them with numbers and texts.

    Nothing in the file is run. It must be an uncompressed archive, so it takes no more memory than
    it has bytes. A tensor may still repeat a few bytes to any size, so each is checked.

    Args:
        path: the file.
        most: bytes that the file and each tensor may have.

    Raises:
        ValueError: if it is something else; the message says what was found.
        InputError: if it isn't a file, but a named pipe.
        ExtraError: if PyTorch isn't installed.
        OSError: if it can't be read.
    """
    check_file(str(path))
    with extra_for("a .pt file"):
        import torch
    if Path(path).stat().st_size > most:
        raise ValueError(f"more than {most >> 20} MB")
    try:
        _check_archive(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        tensors = list(_tensors(content))
    except (OSError, MemoryError, ValueError):
        raise
    except zipfile.BadZipFile as error:
        raise ValueError("no archive of tensors") from error
    except Exception as error:  # a hostile file can make the reader raise anything
        # torch's own message advises a way of reading that runs code.
        raise ValueError("a damaged file, or one that holds more than tensors, which isn't read") from error
    for tensor in tensors:
        if tensor.layout != torch.strided or tensor.device.type != "cpu":
            raise ValueError("a tensor without its numbers")
        if tensor.numel() * tensor.element_size() > most:
            raise ValueError(f"a tensor of more than {most >> 20} MB")
    return content


def _check_archive(path: PathLike) -> None:
    """Refuse an archive that `torch.save` doesn't write; ValueError or BadZipFile."""
    with zipfile.ZipFile(path) as archive:
        pickles = [entry for entry in archive.infolist() if entry.filename.endswith("/data.pkl")]
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("a compressed archive")
        if len(pickles) != 1:
            raise ValueError("an archive of something else than tensors")
        with archive.open(pickles[0]) as file:
            if file.read(len(_PROTOCOL_2)) != _PROTOCOL_2:
                raise ValueError("a pickle that torch.save didn't write, which isn't read")


def _tensors(content: Any) -> Iterator[Any]:
    """The tensors of a collection."""
    if hasattr(content, "element_size"):
        yield content
    elif isinstance(content, Mapping):
        for each in content.values():
            yield from _tensors(each)
    elif isinstance(content, list | tuple):
        for each in content:
            yield from _tensors(each)
