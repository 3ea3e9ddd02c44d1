"""Text that nobody vouches for, such as names of files and tags, inside HTML."""

import json
from typing import Any


def script_json(data: Any) -> str:
    r"""Data as JSON that may stand inside a script element: no text in it can end the element.

    Raises:
        ValueError: if there is a NaN or an infinity in it, which JSON can't hold.

    Example:
        >>> script_json("</script>")
        '"\\u003c/script\\u003e"'
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    # In JSON these stand only inside strings.
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
