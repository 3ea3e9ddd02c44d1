"""`potato serve`: a server on this machine whose map shows pictures that are sharpened on demand.

`opening` finds what the command line names, `painter` draws web tiles of it, `application` answers
requests, and `server` runs it. `live` shows it in a notebook.
"""

from potato.serving.live_map import LiveMap, live
from potato.serving.server import Server

__all__ = ["LiveMap", "Server", "live"]
