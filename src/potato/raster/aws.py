"""Credentials for S3, found wherever AWS's own tools find them."""

import functools
import os
import re
from pathlib import Path
from typing import Any

import rasterio
from rasterio.session import DummySession

from potato.core.installation import install_command
from potato.errors import InputError

SIGNS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Environment variables any of which says that there are credentials."""

FILES = {"AWS_SHARED_CREDENTIALS_FILE": ".aws/credentials", "AWS_CONFIG_FILE": ".aws/config"}
"""Files of profiles: the environment variables that name them, and their places below the home."""

ANONYMOUS = {"AWS_NO_SIGN_REQUEST": "yes"}
"""GDAL's option by which requests aren't signed; people write YES, which tells theirs from ours."""

REFUSED = re.compile(r"\b40[13]\b|denied|forbidden|credentials|unauthori[sz]ed|signature", re.IGNORECASE)
"""Words that occur in S3's reasons for a refusal."""

_VENDOR = Path("/sys/devices/virtual/dmi/id/sys_vendor")


class Signing(DummySession):  # type: ignore[misc]  # rasterio has no types
    """A session that hands GDAL some options; rasterio refuses keys among its own options."""

    def __init__(self, options: dict[str, str]) -> None:
        super().__init__()
        self._options = options

    def get_credential_options(self) -> dict[str, str]:
        """The options."""
        return self._options


def default_signing() -> dict[str, str]:
    """GDAL's option for unsigned requests, unless the environment or a file has credentials."""
    known = any(name in os.environ for name in SIGNS) or _file("AWS_SHARED_CREDENTIALS_FILE").is_file()
    return {} if known else ANONYMOUS


def s3_options() -> dict[str, str]:
    """GDAL's options by which requests to S3 are signed; none where the user has set them.

    The package botocore, of the extra `s3`, finds credentials as AWS's tools do: in profiles, by
    SSO, web identity, a container or the role of an instance. Without it, GDAL looks itself.

    Raises:
        InputError: if there are credentials that can't be used, such as those of an SSO session
            that has ended.
    """
    active = rasterio.env.getenv() if rasterio.env.hasenv() else {}
    chosen = active.get("AWS_NO_SIGN_REQUEST", "yes") != "yes" or "AWS_ACCESS_KEY_ID" in active
    if chosen or {"AWS_NO_SIGN_REQUEST", "AWS_ACCESS_KEY_ID"} & os.environ.keys():
        return {}
    try:
        found = _find(tuple(os.environ.get(name) for name in (*SIGNS, *FILES, "HOME")))
        keys = found and found.get_frozen_credentials()
    except Exception as error:  # of botocore's many, some are those of its parts
        raise InputError(f"expected credentials for S3 that can be used, found: {error}") from error
    if not keys:
        return {}
    options = {
        "AWS_NO_SIGN_REQUEST": "NO",
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
    }
    return options | ({"AWS_SESSION_TOKEN": keys.token} if keys.token else {})


def explain_refusal(reason: str) -> str:
    """What to do about S3's refusal: the end of a message; empty for other reasons."""
    if not REFUSED.search(reason):
        return ""
    try:
        signed = bool(s3_options()) or not default_signing()
    except InputError:
        signed = True
    if signed:
        return "; the credentials that were found don't open it: choose others by AWS_PROFILE"
    return (
        "; no credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for "
        f"SSO and the roles of instances, {install_command('s3')}"
    )


@functools.lru_cache(maxsize=8)
def _find(settings: tuple[str | None, ...]) -> Any:
    """Botocore's credentials, which renew themselves; None without any. `settings` decide which."""
    signs = any(name in os.environ for name in SIGNS) or any(_file(name).is_file() for name in FILES)
    if not signs and not _is_instance():
        return None  # botocore would wait a second for an instance to answer
    try:
        import botocore.session
    except ImportError:
        return None
    return botocore.session.Session().get_credentials()


def _file(variable: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / FILES[variable])


def _is_instance() -> bool:
    """Whether this machine is one of Amazon's."""
    try:
        return _VENDOR.read_text().startswith("Amazon")
    except OSError:
        return False
