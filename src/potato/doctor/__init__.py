"""Is everything here that Potato needs? Of this machine, and of an ARD; each finding with a remedy."""

from potato.doctor.examination import Report, examine
from potato.doctor.finding import Finding

__all__ = ["Finding", "Report", "examine"]
