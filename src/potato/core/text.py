"""Text for people: numbers in sentences, secrets left out, data inside HTML."""

import json
import math
import os
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

SECRETS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_ACCESS_TOKEN",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_SAS_TOKEN",
    "GDAL_HTTP_AUTH",
    "GDAL_HTTP_BEARER",
    "GDAL_HTTP_COOKIE",
    "GDAL_HTTP_HEADERS",
    "GDAL_HTTP_PROXYUSERPWD",
    "GDAL_HTTP_USERPWD",
    "GS_OAUTH2_CLIENT_SECRET",
    "GS_OAUTH2_REFRESH_TOKEN",
    "GS_SECRET_ACCESS_KEY",
)
"""Environment variables whose values are secret."""

SHORTEST_SECRET = 6
"""Letters; shorter values are left in, since they are parts of common words."""

_LOGIN = re.compile(r"(?<=://)(?:[^/?#\s\"<>]*|[^/?#\s:@]+:(?![0-9]*[/?#])[^\s\"<>]*)@")
_QUERY = re.compile(
    # Queries may have any punctuation, so only that at the end of a word belongs to the sentence.
    r"((?:[a-z0-9+.-]+://|/vsi)[^\s?\"<>`]*)\?[^\s\"<>`]*?(?=[\])}'`.,:;]*(?:[\s\"<>`]|$))",
    re.IGNORECASE,
)
_WHOLE_QUERY = re.compile(r"^((?:[a-z0-9+.-]+://|/vsi)[^?]*)\?.*", re.IGNORECASE | re.DOTALL)
"""An address with all of its query, also punctuation at its end, which may belong to a sentence."""


def readable(text: str) -> str:
    r"""A text in which every character shows, so that none of them commands a terminal.

    Others than line breaks and tabs become escapes, as JSON has them.

    >>> print(readable("Band 1\x1b[2J"))
    Band 1\u001b[2J
    """
    if text.isprintable():
        return text
    kept = (each if _shows(each) else _escaped(each) for each in text)
    return "".join(kept)


def _shows(character: str) -> bool:
    return character.isprintable() or character in "\n\t" or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True))


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the singular or with a plural s.

    >>> counted(1, "tile"), counted(8000, "tile")
    ('1 tile', '8,000 tiles')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def one_line(error: object, most: int | None = None) -> str:
    r"""The message of an error in one line of at most `most` characters; its class if it has none.

    >>> one_line(ValueError("no number:\n  'a'")), one_line(TimeoutError())
    ("no number: 'a'", 'TimeoutError')
    """
    return " ".join(str(error).split())[:most] or type(error).__name__


def duration(seconds: float) -> str:
    """A length of time in words, in minutes from 100 seconds on.

    >>> duration(12.34), duration(100), duration(3700)
    ('12.3 s', '2 min', '1 h 2 min')
    """
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def first_lines(lines: Sequence[str], most: int = 20) -> list[str]:
    """The first `most` lines, and one that says how many more there are and how to see them.

    >>> first_lines(["a", "b", "c"], 2)
    ['a', 'b', '… and 1 more, which --json lists']
    """
    more = len(lines) - most
    return [*lines[:most], *([f"… and {more:,} more, which --json lists"] if more > 0 else [])]


def first_names(names: Sequence[str], most: int = 3) -> str:
    """The first of some names for a message, and how many more there are.

    >>> first_names("abc"), first_names("abcde")
    ('a, b, c', 'a, b, c and 2 more')
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def valid_share(valid: float) -> str:
    """The valid share of a picture, 0..1, in words.

    >>> valid_share(0.876), valid_share(0)
    ('88% valid', 'nothing valid in it: all masked')
    """
    return f"{valid:.0%} valid" if valid else "nothing valid in it: all masked"


def redact(text: str) -> str:
    """Remove what may be secret from a text before it is printed or written.

    The login and the query of an address go: `https://user:password@host/a.tif?X-Amz-Signature=…`
    becomes `https://host/a.tif`. The values of the environment variables in `SECRETS` become `…`.
    The rest becomes `readable`.

    >>> redact("can't open https://me:pass@host.example/a.tif?token=1")
    "can't open https://host.example/a.tif"
    """
    text = _QUERY.sub(r"\1", _LOGIN.sub("", text))
    for name in SECRETS:
        value = os.environ.get(name, "")
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, "…")
    return readable(text)


def file_name(path: str) -> str:
    r"""The name of a file without its folder or address, fit for a tag; of paths of Windows, too.

    >>> file_name("https://me:pass@host.example/a.tif?token='1'"), file_name(r"C:\orders\a.tif")
    ('a.tif', 'a.tif')
    """
    return re.split(r"[/\\]", redact(_WHOLE_QUERY.sub(r"\1", path)).rstrip("/\\"))[-1]


def script_json(data: Any) -> str:
    r"""Data as JSON for a script element; no text in it can end the element.

    Raises:
        ValueError: if the data holds a NaN or an infinity, for which JSON has no number.

    Example:
        >>> script_json("</script>")
        '"\\u003c/script\\u003e"'
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    # JSON has these characters only inside strings, where an escape means the same.
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
