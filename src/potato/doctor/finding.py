"""One thing that was looked at."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what to do about it.

    Attributes:
        subject: what was looked at, in a word or two.
        state: `fine`; `note`, good to know but no obstacle; `wrong`.
        found: what there is, in one line.
        remedy: what to do, in one line; empty if nothing.
    """

    subject: str
    state: Literal["fine", "note", "wrong"]
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        """A line, and one more for the remedy."""
        line = f"{self.state:5}  {self.subject}: {self.found}"
        return f"{line}\n       → {self.remedy}" if self.remedy else line
