"""The doctor: checks of the software, the machine, the public bucket and an ARD, with remedies."""

from potato.doctor.examination import Examination, examine
from potato.doctor.finding import Finding

__all__ = ["Examination", "Finding", "examine"]
