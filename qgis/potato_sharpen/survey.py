"""Algorithms that look: the footprints of a delivery, and pictures beside each other."""

from __future__ import annotations

from qgis.core import (
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsVectorLayer,
)

from potato_sharpen.algorithm import PotatoAlgorithm, Values, failures, scratch_folder, tr


class ListDelivery(PotatoAlgorithm):
    """`potato ls SOURCE --geojson`."""

    NAME = "listdelivery"
    TITLE = "List a delivery"
    HELP = (
        "Makes a layer of footprints: of each tile of an ARD (a folder, s3://… or https://…), or of each "
        "product of a vendor's order. Fields tell date, clouds, sensor and angles, and why a tile can't be "
        "sharpened. No pixel is read."
    )

    def initAlgorithm(self, configuration: Values | None = None) -> None:
        """Declare the parameters."""
        folder = QgsProcessingParameterFile.Folder
        self.addParameter(QgsProcessingParameterFile("SOURCE", tr("Delivery or ARD"), folder))
        self.add_options("ls")
        kind = QgsProcessing.TypeVectorPolygon
        self.addParameter(QgsProcessingParameterFeatureSink("OUTPUT", tr("Footprints"), kind))

    def processAlgorithm(
        self, parameters: Values, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Values:
        """List."""
        source = self.parameterAsString(parameters, "SOURCE", context)
        with scratch_folder() as scratch, failures():
            file = scratch / "footprints.geojson"
            arguments = ["ls", source, "--geojson", "-o", str(file), *self.options(parameters, context)]
            self.potato(arguments, feedback)
            layer = QgsVectorLayer(str(file), "footprints", "ogr")
            if not layer.isValid():
                raise QgsProcessingException(tr("{}: expected footprints, found none").format(source))
            sink, output = self.parameterAsSink(
                parameters, "OUTPUT", context, layer.fields(), layer.wkbType(), layer.sourceCrs()
            )
            for feature in layer.getFeatures():
                sink.addFeature(feature, QgsFeatureSink.FastInsert)
            del layer  # Windows removes no file that is open.
        return {"OUTPUT": output}


class ComparePictures(PotatoAlgorithm):
    """`potato report A B -o PAGE`."""

    NAME = "comparepictures"
    TITLE = "Compare two pictures"
    HELP = (
        "Makes a page that swipes or blinks between finished pictures of the same ground, two or more, and "
        "shows their differences and colours. The page works offline; open it in a browser."
    )

    def initAlgorithm(self, configuration: Values | None = None) -> None:
        """Declare the parameters."""
        pictures = QgsProcessingParameterMultipleLayers("PICTURES", tr("Pictures"), QgsProcessing.TypeRaster)
        pictures.setMinimumNumberInputs(2)
        self.addParameter(pictures)
        self.add_options("report")
        page = QgsProcessingParameterFileDestination("OUTPUT", tr("Page"), tr("Pages (*.html)"))
        self.addParameter(page)

    def processAlgorithm(
        self, parameters: Values, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Values:
        """Compare."""
        layers = self.parameterAsLayerList(parameters, "PICTURES", context)
        page = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        with failures():
            arguments = ["report", *(layer.source() for layer in layers), "-o", page, "--overwrite"]
            self.potato(arguments + self.options(parameters, context), feedback)
        return {"OUTPUT": page}
