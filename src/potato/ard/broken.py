"""What in an ARD can't be read, and why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Broken:
    """Something in an ARD that can't be read.

    Attributes:
        item: path or address.
        reason: the fault, in one line.
    """

    item: str
    reason: str


class Duplicate(Broken):
    """A tile of a pass and a grid square that have one already."""

    __slots__ = ()


class Refused(Broken):
    """A file that its bucket refuses."""

    __slots__ = ()


class Unreachable(Broken):
    """A file that the network keeps from us, so that another attempt may succeed."""

    __slots__ = ()
