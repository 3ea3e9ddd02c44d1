"""The report: finished pictures laid over one another, in one page that works without a network.

`layers` reads what is shown, `figures` judges it, `tiles` and `page` make HTML of it, `making` is the tool.
"""

from potato.report.write import Report, write_report

__all__ = ["Report", "write_report"]
