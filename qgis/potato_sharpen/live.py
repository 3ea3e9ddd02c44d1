"""The algorithm that shows imagery sharpened as you look: a server, and a layer of its tiles."""

from __future__ import annotations

import atexit
import json
import urllib.parse
import urllib.request

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputString,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
    QgsRasterLayer,
)

from potato_sharpen import runner
from potato_sharpen.algorithm import PotatoAlgorithm, Values, command, failures, tr

VIEWS = ["sharp", "plain", "pan", "composite"]

SERVERS: list[runner.Process] = []
"""The servers of live layers, which end with QGIS."""


def stop_servers() -> None:
    """End the servers of all live layers."""
    while SERVERS:
        runner.stop(SERVERS.pop())


atexit.register(stop_servers)


class AddLiveLayer(PotatoAlgorithm):
    """`potato serve SOURCE`, and a layer of its web tiles."""

    NAME = "addlivelayer"
    TITLE = "Add live layer"
    HELP = (
        "Adds a layer that sharpens what you look at, without writing a picture. It starts a server on this "
        "machine alone, which ends with QGIS; then run the algorithm again. The address also opens in a "
        "browser, as a map with all passes."
    )

    def __init__(self) -> None:
        super().__init__()
        self._address = self._name = self._source = ""

    def initAlgorithm(self, configuration: Values | None = None) -> None:  # noqa: N802
        """Declare the parameters."""
        folder = QgsProcessingParameterFile.Folder
        self.addParameter(QgsProcessingParameterFile("SOURCE", tr("Delivery or ARD"), folder))
        view = tr("View: sharp, plain (mul alone), pan, or composite (near infrared, red, green)")
        self.addParameter(
            QgsProcessingParameterEnum("VIEW", view, VIEWS, defaultValue=VIEWS[0], usesStaticStrings=True)
        )
        self.add_look()
        one = tr("Pass (CID) to show (empty: the best of each place)")
        self.addParameter(QgsProcessingParameterString("PASS", one, optional=True))
        self.add_options("serve")
        self.addOutput(QgsProcessingOutputRasterLayer("LAYER", tr("Live layer")))
        self.addOutput(QgsProcessingOutputString("ADDRESS", tr("Address")))

    def processAlgorithm(  # noqa: N802
        self, parameters: Values, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Values:
        """Start the server; a large source takes a while to be listed."""
        source = self.parameterAsString(parameters, "SOURCE", context)
        names = {"view": "VIEW", "look": "LOOK", "pass": "PASS"}
        wanted = {name: self.parameterAsString(parameters, key, context) for name, key in names.items()}
        with failures():
            arguments = [command(), "serve", source, "--port", "0", *self.options(parameters, context)]
            feedback.pushCommandInfo(runner.quoted(arguments))
            server = runner.start(arguments)
            self._address = runner.first_line(server, feedback.isCanceled, feedback.pushInfo)
        SERVERS.append(server)
        feedback.pushInfo(self._address)
        query = urllib.parse.urlencode({name: value for name, value in wanted.items() if value})
        address = urllib.parse.urljoin(self._address, f"tilejson.json?{query}")
        with urllib.request.urlopen(address) as answer:
            told = json.load(answer)
        tiles = urllib.parse.quote(told["tiles"][0], safe=":/{}?")
        self._name = told["name"]
        self._source = f"type=xyz&url={tiles}&zmin={told['minzoom']}&zmax={told['maxzoom']}"
        return {"ADDRESS": self._address}

    def postProcessAlgorithm(  # noqa: N802
        self, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Values:
        """Add the layer, which QGIS allows in its own thread alone."""
        layer = QgsRasterLayer(self._source, self._name, "wms")
        if not layer.isValid():
            raise QgsProcessingException(tr("{}: expected web tiles, found none").format(self._address))
        context.temporaryLayerStore().addMapLayer(layer)
        details = QgsProcessingContext.LayerDetails(layer.name(), context.project(), "LAYER")
        context.addLayerToLoadOnCompletion(layer.id(), details)
        return {"LAYER": layer.id(), "ADDRESS": self._address}
