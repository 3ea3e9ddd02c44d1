"""All checks together."""

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
        findings: in the order of the checks.
    """

    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> int:
        """Number of findings that are wrong."""
        return sum(finding.state == "wrong" for finding in self.findings)

    def __str__(self) -> str:
        """The lines that the command prints."""
        verdict = f"{self.wrong} wrong" if self.wrong else "all is well"
        return "\n".join([*map(str, self.findings), verdict])


def examine(
    ard: str | None = None, *, tiles: int = 64, follow_links: bool = False, progress: bool = False
) -> Report:
    """Check this installation, this machine and, if given, an ARD.

    Nothing is written but empty temporary files, to see whether folders can be written to.

    Args:
        ard: a folder, `s3://…` or `https://…`; None for the machine alone.
        tiles: how many of its tiles to open, spread evenly; all items are read.
        follow_links: whether links and redirects may lead out of the ARD.
        progress: whether to draw a progress bar on stderr.
    """
    findings = [*examine_software(), *examine_machine(), *examine_bucket()]
    if ard is not None:
        findings += examine_ard(ard, tiles, follow_links, progress)
    return Report(tuple(findings))
