"""The result of one check."""

from dataclasses import dataclass
from typing import Literal

State = Literal["fine", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """The result of one check, and what to do about it.

    Attributes:
        subject: what was checked.
        state: `fine`; `note`, which is good to know but no obstacle; or `wrong`.
        found: the result, in one line.
        remedy: what to do, in one line; empty if nothing.
    """

    subject: str
    state: State
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        """One line, and a second one for the remedy."""
        line = f"{self.state:5}  {self.subject}: {self.found}"
        return f"{line}\n       → {self.remedy}" if self.remedy else line
