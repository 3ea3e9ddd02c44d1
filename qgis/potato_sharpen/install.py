"""The algorithm that installs Potato into an environment of its own."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterString,
)

from potato_sharpen import runner
from potato_sharpen.algorithm import PotatoAlgorithm, Values, failures, run, tr


class InstallPotato(PotatoAlgorithm):
    """Makes the environment with uv or, without uv, with Python's venv."""

    NAME = "installpotato"
    TITLE = "Install Potato"
    HELP = (
        "Downloads Potato and what it needs (about 300 MB on disk) from the Python package index into an "
        "environment of its own, in your user folder; QGIS's own Python stays as it is. It uses uv if that "
        "is installed, else Python 3.11 or newer. Run it again to update Potato. To remove it, delete the "
        "folder that it names."
    )

    def initAlgorithm(self, configuration: Values | None = None) -> None:
        """Declare the parameters."""
        agreed = tr("Yes, download Potato and install it in {}").format(runner.own_folder())
        self.addParameter(QgsProcessingParameterBoolean("AGREED", agreed, defaultValue=False))
        package = tr("Package, in pip's words (empty: the newest)")
        self.addParameter(QgsProcessingParameterString("PACKAGE", package, optional=True))
        self.addOutput(QgsProcessingOutputString("COMMAND", tr("Command")))

    def processAlgorithm(
        self, parameters: Values, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Values:
        """Install."""
        if not self.parameterAsBool(parameters, "AGREED", context):
            raise QgsProcessingException(tr("expected consent to the download, found none; tick the box"))
        folder = runner.own_folder()
        package = self.parameterAsString(parameters, "PACKAGE", context)
        with failures():
            for command in runner.install_commands(folder, package):
                run(command, feedback)
            potato = str(runner.command_within(folder))
            runner.check_version(potato)
        feedback.pushInfo(potato)
        return {"COMMAND": potato}
