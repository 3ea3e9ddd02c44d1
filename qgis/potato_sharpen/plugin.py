"""The plugin: it adds the provider of algorithms to QGIS, and removes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

from potato_sharpen.live import stop_servers
from potato_sharpen.provider import PotatoProvider


class PotatoPlugin:
    """What QGIS starts and unloads."""

    def __init__(self, iface: Any) -> None:
        """`iface` is QGIS's window; None in `qgis_process`."""
        self._provider: PotatoProvider | None = None
        self._translator = QTranslator()
        name = f"potato_sharpen_{QgsApplication.locale()[:2]}.qm"
        if self._translator.load(str(Path(__file__).parent / "i18n" / name)):
            QCoreApplication.installTranslator(self._translator)

    def initProcessing(self) -> None:
        """Add the provider."""
        self._provider = PotatoProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:
        """Add the provider to QGIS with a window."""
        self.initProcessing()

    def unload(self) -> None:
        """Remove the provider, and end the servers of live layers."""
        stop_servers()
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
