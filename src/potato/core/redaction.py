"""Keeping secrets out of what is printed and written."""

import os
import re

SECRETS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GDAL_HTTP_AUTH",
    "GDAL_HTTP_BEARER",
    "GDAL_HTTP_HEADERS",
    "GDAL_HTTP_USERPWD",
)
"""Environment variables that hold them."""

LEAST = 6
"""Letters of the shortest value that counts as secret; shorter ones are part of common words."""

_LOGIN = re.compile(r"(?<=://)[^/\s'\"@]+@")
_QUERY = re.compile(
    r"((?:[a-z0-9]+://|/vsi)[^\s?'\"]*)\?[^\s'\"(),;]+?(?=:?(?:[\s'\"(),;]|$))", re.IGNORECASE
)


def redact(text: str) -> str:
    """A text without what may be secret in it.

    That is: the login and the query of an address (`https://user:password@host/a.tif?X-Amz-Signature=…`
    becomes `https://host/a.tif`), and the values of environment variables that hold keys.

    >>> redact("can't open https://me:pass@host.example/a.tif?token=1")
    "can't open https://host.example/a.tif"
    """
    text = _QUERY.sub(r"\1", _LOGIN.sub("", text))
    for name in SECRETS:
        value = os.environ.get(name, "")
        if len(value) >= LEAST:
            text = text.replace(value, "…")
    return text
