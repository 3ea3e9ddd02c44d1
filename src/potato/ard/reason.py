"""Why something of an ARD isn't used."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something isn't used, in one line.

    Attributes:
        kind: what is the same for many, such as `a missing file`; they are counted by it.
        particulars: what isn't, such as the file's name; empty if there are none.
    """

    kind: str
    particulars: str = ""

    def __str__(self) -> str:
        """The kind, then the particulars in brackets.

        >>> str(Reason("a missing file", "103001010A705C00-ms.tif"))
        'a missing file (103001010A705C00-ms.tif)'
        """
        return f"{self.kind} ({self.particulars})" if self.particulars else self.kind


TWICE = Reason("a tile that is there twice")
"""Why the second of two tiles of one pass and one grid square isn't used."""
