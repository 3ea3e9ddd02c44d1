"""The provider: its algorithms, and the setting that names Potato's command."""

from __future__ import annotations

from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from potato_sharpen.algorithm import COMMAND_SETTING, ICON, tr
from potato_sharpen.install import InstallPotato
from potato_sharpen.live import AddLiveLayer, stop_servers
from potato_sharpen.sharpen import SharpenDelivery, SharpenPair
from potato_sharpen.survey import ComparePictures, ListDelivery

ALGORITHMS = SharpenPair, SharpenDelivery, ListDelivery, ComparePictures, AddLiveLayer, InstallPotato


class PotatoProvider(QgsProcessingProvider):
    """The algorithms of Potato."""

    def id(self) -> str:
        """The prefix of the algorithms' names."""
        return "potato"

    def name(self) -> str:
        """The name in the toolbox."""
        return "Potato"

    def longName(self) -> str:
        """The name with what it does."""
        return tr("Potato: sharpening of satellite pictures")

    def icon(self) -> QIcon:
        """The icon in the toolbox."""
        return QIcon(str(ICON))

    def svgIconPath(self) -> str:
        """The icon's file."""
        return str(ICON)

    def load(self) -> bool:
        """Add the setting and the algorithms."""
        ProcessingConfig.settingIcons[self.name()] = self.icon()
        what = tr("Command of Potato, or the folder of its environment (empty: search for it)")
        ProcessingConfig.addSetting(Setting(self.name(), COMMAND_SETTING, what, "", valuetype=Setting.STRING))
        ProcessingConfig.readSettings()
        self.refreshAlgorithms()
        return True

    def unload(self) -> None:
        """Remove the setting, and end the servers of live layers."""
        stop_servers()
        ProcessingConfig.removeSetting(COMMAND_SETTING)

    def loadAlgorithms(self) -> None:
        """Add the algorithms."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
