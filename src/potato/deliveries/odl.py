"""Metadata in the Object Description Language: .TIL and .IMD files, Landsat's MTL.txt."""

import re

_LINE = re.compile(r"^\s*(\w+)\s*=\s*(.*?)\s*;?\s*$")


def parse_odl(text: str) -> dict[str, str]:
    """Values by dotted names, as GDAL names them in its domain `IMD`.

    Args:
        text: lines of `NAME = VALUE`, in groups. A value in parentheses may have several lines.

    Returns:
        Values without quotation marks. Where a name comes twice, the last one counts.

    Example:
        >>> lines = "BEGIN_GROUP = BAND_P", "  TDILevel = 10;", "END_GROUP = BAND_P", "END;"
        >>> parse_odl(chr(10).join(lines))
        {'BAND_P.TDILevel': '10'}
    """
    values: dict[str, str] = {}
    groups: list[str] = []
    lines = iter(text.splitlines())
    for line in lines:
        found = _LINE.match(line)
        if not found:
            continue
        name, value = found.groups()
        if name.upper() in ("BEGIN_GROUP", "GROUP"):
            groups.append(value.strip('"'))
        elif name.upper() == "END_GROUP":
            del groups[-1:]
        else:
            while value.startswith("(") and not value.endswith(")"):
                value += next(lines, ")").strip().rstrip(";").strip()
            values[".".join([*groups, name])] = value.strip('"')
    return values
