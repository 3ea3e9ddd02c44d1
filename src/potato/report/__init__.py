"""The report: finished pictures compared in one page that works without a network.

`crop` chooses the window, `layers` reads what is shown, `figures` measures it, `pyramid` cuts it
into web tiles, `page` makes HTML, and `write` is the tool.
"""

from potato.report.write import Report, write_report

__all__ = ["Report", "write_report"]
