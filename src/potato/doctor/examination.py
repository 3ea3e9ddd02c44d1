"""The whole examination."""

from dataclasses import dataclass

from potato.doctor.ards import examine_ard
from potato.doctor.bucket import examine_bucket
from potato.doctor.finding import Finding
from potato.doctor.machine import examine_machine
from potato.doctor.software import examine_software


@dataclass(frozen=True)
class Report:
    """What `examine` found.

    Attributes:
        findings: in the order in which they were looked at.
    """

    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> int:
        """How many findings are wrong."""
        return sum(finding.state == "wrong" for finding in self.findings)

    def __str__(self) -> str:
        """What the command prints."""
        verdict = f"{self.wrong} wrong" if self.wrong else "all is well"
        return "\n".join([*map(str, self.findings), verdict])


def examine(
    ard: str | None = None, *, tiles: int = 64, follow_links: bool = False, progress: bool = False
) -> Report:
    """Look whether this machine, and an ARD, are as they should be.

    Nothing is written, but for a file of no size that is gone at once.

    Args:
        ard: a folder, `s3://…` or `https://…`; None for the machine alone.
        tiles: how many of its tiles are opened, spread over all of it; items are all read.
        follow_links: as for `walk_ard`.
        progress: whether to draw a progress bar on stderr.
    """
    findings = [*examine_software(), *examine_machine(), *examine_bucket()]
    if ard is not None:
        findings += examine_ard(ard, tiles, follow_links, progress)
    return Report(tuple(findings))
