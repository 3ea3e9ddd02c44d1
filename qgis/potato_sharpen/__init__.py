"""Potato in QGIS: Processing algorithms that run the command `potato`."""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:
    """The plugin, for QGIS."""
    from potato_sharpen.plugin import PotatoPlugin

    return PotatoPlugin(iface)
