"""This package: its name, its version, and the extras that some features need."""

import contextlib
import json
import shlex
from collections.abc import Iterator

from potato.core.text import redact
from potato.errors import ExtraError

DISTRIBUTION = "potato"
"""The name that pip installs, and that the package's metadata go by."""

VERSION = "0.3.0"
"""The version of Potato, which pyproject.toml reads from here: metadata take longer to load."""

EXTRAS = {"torch": ("workshop", "PyTorch"), "matplotlib": ("plots", "matplotlib")}
"""The extra that brings a package, and the name by which people know it."""


def install_command(*extras: str) -> str:
    """The command that installs some extras.

    Example:
        >>> install_command("plots")
        "pip install 'potato[plots]'"
    """
    return f"pip install '{DISTRIBUTION}[{','.join(extras)}]'"


def reinstall_command() -> str:
    """The command that installs this package again, from where it came.

    Never by its name alone: an index may have a package of that name by somebody else.
    """
    from importlib import metadata

    try:
        origin = json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        origin = {}
    url = str(origin.get("url", "")) if isinstance(origin, dict) else ""
    return f"pip install --force-reinstall --no-deps {shlex.quote(redact(url)) if url else 'PATH-OR-ADDRESS'}"


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
    extra, name = EXTRAS[package]
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
