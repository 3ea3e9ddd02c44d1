"""All checks together."""

from dataclasses import dataclass

from potato.doctor.bucket import examine_bucket
from potato.doctor.finding import Finding
from potato.doctor.leftovers import examine_leftovers
from potato.doctor.machine import examine_machine
from potato.doctor.software import examine_software
from potato.doctor.sources import examine_source


@dataclass(frozen=True)
class Examination:
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
    source: str | None = None, *, tiles: int = 64, follow_links: bool = False, progress: bool = False
) -> Examination:
    """Check this installation, this machine and, if given, an ARD or a delivery.

    Nothing is written but empty temporary files, to see whether folders can be written to.

    Args:
        source: an ARD (a folder, `s3://…` or `https://…`), or a vendor's delivery (a folder, an
            archive or a metadata file); None for the machine alone.
        tiles: how many tiles of an ARD to open, spread evenly; all items are read.
        follow_links: whether links and redirects may lead out of the ARD.
        progress: whether to draw a progress bar on stderr.
    """
    findings = [*examine_software(), *examine_machine(), *examine_leftovers(source), *examine_bucket()]
    if source is not None:
        findings += examine_source(source, tiles, follow_links, progress)
    return Examination(tuple(findings))
