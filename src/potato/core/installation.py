"""This package: its name, its version, and the extras that some features need."""

import contextlib
import glob
import json
import shlex
from collections.abc import Iterator

from potato.core.text import redact
from potato.errors import ConflictError, ExtraError

DISTRIBUTION = "potato-pansharp"
"""The name that pip installs, and that the package's metadata go by."""

STRANGER = "potato"
"""The name of another project's distribution, which also installs a package `potato`."""

VERSION = "1.0.0"
"""The version of Potato, which pyproject.toml reads from here: metadata take longer to load."""

EXTRAS = {
    "torch": ("workshop", "PyTorch"),
    "matplotlib": ("plots", "matplotlib"),
    "pmtiles": ("pmtiles", "pmtiles"),
    "pyogrio": ("vectors", "pyogrio"),
    "fastapi": ("serve", "FastAPI"),
    "uvicorn": ("serve", "uvicorn"),
}
"""The extra that brings a package, and the name by which people know it."""


def install_command(*extras: str) -> str:
    """The command that installs some extras.

    Example:
        >>> install_command("plots")
        "pip install 'potato-pansharp[plots]'"
    """
    return f"pip install '{DISTRIBUTION}[{','.join(extras)}]'"


def refuse_conflict() -> None:
    """Refuse to run from a folder into which another distribution has put a package `potato`.

    Raises:
        ConflictError: if there is one: the later of the two has replaced some files of the other.
    """
    # Every start comes here, and importlib.metadata takes longer to load than this search.
    site = __file__.rpartition("potato")[0]
    for found in glob.glob(f"{STRANGER}-*.*-info", root_dir=site):  # noqa: PTH207  (pathlib loads slowly)
        stranger = found.rpartition(".")[0]
        raise ConflictError(
            f"expected {DISTRIBUTION} alone, found another project's {stranger} in the same folder: "
            f"pip uninstall --yes {STRANGER} {DISTRIBUTION}, then pip install {DISTRIBUTION}"
        )


def reinstall_command() -> str:
    """The command that installs this package again, from where it came."""
    from importlib import metadata

    try:
        origin = json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        origin = {}
    url = str(origin.get("url", "")) if isinstance(origin, dict) else ""
    return f"pip install --force-reinstall --no-deps {shlex.quote(redact(url)) if url else DISTRIBUTION}"


def explain(error: BaseException, feature: str) -> BaseException:
    """Turn the failed import of an extra's package into a line that names the extra.

    Args:
        error: any error.
        feature: what needed the package, for example a command in quotation marks.

    Returns:
        An `ExtraError` if a package of `EXTRAS` isn't installed; otherwise the error itself.
    """
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if package not in EXTRAS:
        return error
    import platform  # only now, since every command loads this module

    extra, name = EXTRAS[package]
    if package == "torch" and (platform.system(), platform.machine()) == ("Darwin", "x86_64"):
        reason = "has no new versions for Macs with Intel processors; use another machine"
        return ExtraError(f"expected {name} for {feature}, found none; {name} {reason}", name=package)
    return ExtraError(f"expected {name} for {feature}, found none: {install_command(extra)}", name=package)


@contextlib.contextmanager
def extra_for(feature: str) -> Iterator[None]:
    """Explain the failed import of an extra's package inside.

    Args:
        feature: what needs the package.

    Raises:
        ExtraError: if a package of `EXTRAS` isn't installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise explain(error, feature) from error
