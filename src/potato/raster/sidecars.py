"""Vendors' metadata beside the images that they describe."""

from pathlib import Path

from potato.core.types import PathLike

DESCRIPTIONS = (".til", ".imd", ".xml", ".dim", "mtl.txt", "mtl.json")
"""Endings of metadata files, each of which stands for the product that it describes."""


def has_metadata_beside(path: PathLike) -> bool:
    """Whether a path is a local file, and the folder it lies in shows any vendor's metadata."""
    file = Path(path)
    try:
        return file.is_file() and any(
            other.name.lower().endswith(DESCRIPTIONS) for other in file.absolute().parent.iterdir()
        )
    except OSError:  # also of a name that is too long for one
        return False
