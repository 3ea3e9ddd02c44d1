"""How objects show themselves in a notebook: a small picture and a few facts."""

import base64
import html
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

THUMBNAIL_SIDE = 320
"""Pixels along the longer side of a picture in a notebook, at most."""


@dataclass(frozen=True)
class View:
    """What a notebook shows of an object.

    Attributes:
        title: kind of the object.
        facts: text of each fact, by its name; markup in it is shown, not interpreted.
        png: content of a PNG file; None if there is no picture.
    """

    title: str
    facts: Mapping[str, str]
    png: bytes | None


class Shown(ABC):
    """An object that Jupyter shows as a picture with facts.

    The files of an object may be gone, and a notebook must go on: the methods that Jupyter calls
    never raise. If `view` fails, they return None, and Jupyter shows the plain `repr`.
    """

    @abstractmethod
    def view(self) -> View:
        """What to show."""

    def _repr_html_(self) -> str | None:
        view = self._view()
        if view is None:
            return None
        facts = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in view.facts.items()
        )
        picture = ""
        if view.png is not None:
            data = base64.b64encode(view.png).decode()
            picture = f"<img alt='{html.escape(view.title)}' src='data:image/png;base64,{data}'>"
        return f"<div><strong>{html.escape(view.title)}</strong><table>{facts}</table>{picture}</div>"

    def _repr_png_(self) -> bytes | None:
        view = self._view()
        return None if view is None else view.png

    def _view(self) -> View | None:
        try:
            return self.view()
        except Exception:
            return None
