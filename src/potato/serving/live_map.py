"""A live map in a notebook, which is the page of a server in the notebook's own process."""

import html
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from potato.core.types import PathLike
from potato.serving.server import Server

HEIGHT = 560
"""Pixels of the page in a notebook."""


class FramedServer(Server):
    """A server whose page notebooks of this machine may show in a frame."""

    framed = True


class LiveMap:
    """A map that a notebook shows; a context manager.

    Its server ends by `stop`, at the end of a `with`, when the object is gone, or with the process.

    Attributes:
        address: of the page.
    """

    def __init__(self, sources: Sequence[PathLike], settings: dict[str, Any]) -> None:
        server = FramedServer(sources, **settings)
        self.address = server.address
        self._stop = weakref.finalize(self, server.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = self.address if self._stop.alive else "stopped"
        return f"LiveMap({state})"

    def _repr_html_(self) -> str:
        """The page, in a frame."""
        if not self._stop.alive:
            return f"<p>{html.escape(repr(self))}</p>"
        return (
            f'<iframe src="{self.address}" title="A live map" width="100%" height="{HEIGHT}" '
            'style="border: 0" allow="fullscreen"></iframe>'
        )

    def web_tiles(self, **appearance: str | float) -> str:
        """The address of a layer of web tiles, as leafmap, ipyleaflet and folium take it.

        Args:
            **appearance: parameters of web tiles: `view`, `look`, `exposure`, `contrast`,
                `weights`, `to`, `clouds`, `sensor`; `pass_` and `from_` for `pass` and `from`,
                which are words of Python.
        """
        given = {name.rstrip("_"): value for name, value in appearance.items()}
        query = f"?{urlencode(given)}" if given else ""
        return f"{self.address}tiles/{{z}}/{{x}}/{{y}}.png{query}"

    def stop(self) -> None:
        """End the server; once more does nothing."""
        self._stop()


def live(*sources: PathLike, **settings: Any) -> LiveMap:
    """Show sources on a live, zoomable map in a notebook, sharpened on demand.

    Args:
        *sources: an ARD, a delivery, a pan and its mul, finished pictures; one or more.
        **settings: `output`, `weights`, `reading`, `follow_links` and `port`, as
            `potato.serving.Server` takes them.

    Raises:
        ArdError, DeliveryError, InputError, BandError, PairError: if a source can't be shown.
        ExtraError: if the extra `serve` isn't installed.

    Example:
        >>> from potato import live
        >>> live("x-pan.tif", "x-ms.tif")  # doctest: +SKIP
    """
    return LiveMap(sources, settings)
