"""Where outputs may go: the one check of everything that a command is to write; and logs."""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from potato.core.text import redact
from potato.core.types import PathLike
from potato.errors import OutputError, OutputExists
from potato.raster.atomic import local_path, remove_partials, writing
from potato.raster.gdal_env import is_remote

GEOTIFF = (".tif", ".tiff")
"""Endings of pictures' names."""

BESIDE = (".aux.xml", ".msk", ".msk.ovr", ".ovr")
"""Endings that GDAL adds to the name of an image, for files that it reads with the image."""

INSTEAD = (
    *(".tfw", ".tifw", ".tiffw", ".j2w", ".jp2w", ".jgw", ".pgw", ".wld", ".hdr", ".prj"),
    *(".til", ".imd", ".rpb", ".pvl", ".att", ".eph", ".geo", ".xml", "_rpc.txt", "mtl.txt"),
)
"""Endings that files have in place of the image's, and which GDAL then reads with the image."""

_STREAM = re.compile(r"/dev/(std(in|out|err)|fd/[0-9]+)|/proc/[^/]+/fd/[0-9]+")
"""Names of open files, also of those that a shell has led into a file."""


def check_output(
    output: PathLike, overwrite: bool, inputs: Iterable[object] = (), endings: Sequence[str] = ()
) -> Path:
    """The path of an output, if it may be written; removes what killed runs left beside it.

    | already there    | overwrite | result       |
    |------------------|-----------|--------------|
    | no               | either    | the path     |
    | a file           | yes       | the path     |
    | a file           | no        | OutputExists |
    | a folder         | either    | OutputError  |
    | a device, a pipe | either    | OutputError  |

    Args:
        output: the file to write.
        overwrite: whether to replace a file.
        inputs: what `keep_inputs` is to protect.
        endings: endings of names of its format, in lower case; a name without one is fine, too.

    Raises:
        OutputExists, OutputError: as in the table; OutputError also if its folder is missing or
            can't be written to, or it isn't a file of this machine, or is an input, or has the
            ending of another format.
    """
    path = local_path(output)
    if os.fspath(output).endswith(("/", os.sep)):
        raise OutputError(f"{path}: expected the name of a file to write, found that of a folder")
    keep_inputs(path, inputs)
    if endings and path.suffix and path.suffix.lower() not in endings:
        right = path.with_suffix(endings[0])
        convert = f", and convert it (gdal_translate {right} {path})" if endings == GEOTIFF else ""
        raise OutputError(
            f"{path}: expected a name that ends in {' or '.join(endings)}, found {path.suffix}; write "
            f"{right}{convert}"
        )
    _check_kind(path)
    stream = _STREAM.fullmatch(str(path.absolute()))
    if stream or (path.exists() and not path.is_file()):  # whose place the finished file would take
        raise OutputError(
            f"{path}: expected the name of a file to write, found a device or a pipe; write a file, and "
            "copy it there"
        )
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: can't write there: its folder isn't writable; choose another")
    if os.path.lexists(path) and not overwrite:  # also a link that leads nowhere
        raise OutputExists(f"{path}: there is a file of this name already; choose another or use --overwrite")
    remove_partials(path.parent, path.name)
    return path


def check_log(log: PathLike, inputs: Iterable[object] = ()) -> Path:
    """The path of a file to which lines may be added; a device or a pipe will do.

    Raises:
        OutputError: if it is a folder, an input or an address, or its folder is missing.
    """
    path = local_path(log)
    keep_inputs(path, inputs)
    _check_kind(path)
    return path


@contextlib.contextmanager
def open_log(path: Path) -> Iterator[Callable[[str], None]]:
    """Open a file that `check_log` has checked; yields a function that adds a line to it at once.

    Raises:
        OutputError: if it can't be opened or written.
    """
    with contextlib.ExitStack() as stack:
        with writing(path):
            file = stack.enter_context(path.open("a", encoding="utf-8", buffering=1))

        def add(line: str) -> None:
            with writing(path):
                file.write(f"{line}\n")

        yield add


def _check_kind(path: Path) -> None:
    """Refuse a folder, and a name in a folder that isn't there."""
    if path.is_dir():
        raise OutputError(f"{path}: expected the name of a file to write, found a folder")
    if not path.parent.is_dir():
        raise OutputError(
            f"{path}: expected an existing folder, found none at {path.parent}; create it first"
        )


def check_folder(output: PathLike) -> Path:
    """The path of a folder for outputs, if it is one of this machine, or may become one.

    Raises:
        OutputExists: if there is a file of its name.
        OutputError: if it is an address.
    """
    path = local_path(output)
    if path.exists() and not path.is_dir():
        raise OutputExists(f"{path}: expected a folder to write into, found a file")
    if path.parent.is_dir():
        remove_partials(path.parent, path.name)
    return path


def new_folder(output: PathLike) -> Path:
    """The path of a folder that is to be made, if nothing is there yet.

    Raises:
        OutputExists: if there is a file, or a folder that isn't empty.
        OutputError: if it is an address.
    """
    path = local_path(output)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputExists(f"{path}: expected a new or empty folder, found something there; choose another")
    return check_folder(path)


def keep_inputs(output: Path, inputs: Iterable[object]) -> None:
    """Refuse an output that is an input, under whatever name, or a file that is read with one.

    Args:
        output: the file to write.
        inputs: paths; anything else, such as None or an open model, is no file.

    Raises:
        OutputError: if it is one of them.
    """
    try:
        own = output.stat()
    except OSError:
        own = None
    for name in inputs:
        source = _file_of(name)
        if source is None:
            continue
        if own is not None and os.path.samestat(own, source.stat()):
            raise OutputError(
                f"{output}: expected another file than the inputs, found the input {redact(str(name))}; "
                "choose another name"
            )
        if _describes(output, source):
            raise OutputError(
                f"{output}: expected another name than those of files that are read with an input, found "
                f"one of {source.name}; choose another"
            )


def _file_of(name: object) -> Path | None:
    """The local file that is read under a name: also an archive, for a name of something in it."""
    if not isinstance(name, str | os.PathLike) or is_remote(os.fspath(name)):
        return None
    text = re.sub(r"^(/vsi[a-z0-9]+/+\{?|[a-z0-9+]+:/{2,}|[A-Z0-9_]+:)+", "", os.fspath(name))
    for absolute in (os.fspath(name), text, f"/{text}"):
        path = Path(absolute.split("!")[0].strip('"'))
        for one in (path, *path.parents):
            try:
                if one.is_file():
                    return one
            except (OSError, ValueError):
                continue
    return None


def _describes(output: Path, source: Path) -> bool:
    """Whether GDAL would read a file of the output's name with the source."""
    name, image = output.name.lower(), source.name.lower()
    if not name.startswith(source.stem.lower()) or name == image:
        return False
    names = {*(image + ending for ending in BESIDE), *(source.stem.lower() + ending for ending in INSTEAD)}
    return name in names and output.parent.is_dir() and output.parent.samefile(source.parent)
