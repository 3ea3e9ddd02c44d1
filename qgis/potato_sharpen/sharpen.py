"""Algorithms that sharpen: a pair, or a delivery or area."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputRasterLayer,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from potato_sharpen.algorithm import PotatoAlgorithm, Values, failures, scratch_folder, tr

JOINS = {"event": ["--mosaic", "event"], "pass": ["--mosaic"], "vrt": ["--vrt"], "none": []}
"""Ways to join an ARD's pictures, and the options of `fuse-ard` for them."""


class SharpenPair(PotatoAlgorithm):
    """`potato fuse PAN MUL OUTPUT`."""

    NAME = "sharpenpair"
    TITLE = "Sharpen a pair"
    HELP = (
        "Sharpens a panchromatic and a multispectral image of the same ground into one picture in true "
        "colour. The files should hold reflectance, as ARD and surface reflectance products do; for an "
        'order with metadata, use "Sharpen a delivery or area". Name the sensor if the files don\'t.'
    )

    def initAlgorithm(self, configuration: Values | None = None) -> None:
        """Declare the parameters."""
        self.addParameter(QgsProcessingParameterRasterLayer("PAN", tr("Panchromatic image")))
        self.addParameter(QgsProcessingParameterRasterLayer("MUL", tr("Multispectral image")))
        text = tr("Sensor, as 'potato sensors' lists it (empty: what the files say)")
        self.addParameter(QgsProcessingParameterString("SENSOR", text, optional=True))
        self.add_look()
        self.add_extent()
        self.add_options("fuse")
        self.addParameter(QgsProcessingParameterRasterDestination("OUTPUT", tr("Sharpened picture")))

    def processAlgorithm(
        self, parameters: Values, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Values:
        """Sharpen."""
        pan, mul = (
            self.parameterAsRasterLayer(parameters, name, context).source() for name in ("PAN", "MUL")
        )
        output = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        sensor = self.parameterAsString(parameters, "SENSOR", context)
        look = self.parameterAsString(parameters, "LOOK", context)
        arguments = ["fuse", pan, mul, output, "--look", look, "--overwrite"]
        arguments += ["--sensor", sensor] if sensor else []
        arguments += self.ground(parameters, context) + self.options(parameters, context)
        self.potato(arguments, feedback)
        return {"OUTPUT": output}


class SharpenDelivery(PotatoAlgorithm):
    """`potato fuse-ard ARD OUT`, or `potato fuse DELIVERY OUTPUT` for each product."""

    NAME = "sharpendelivery"
    TITLE = "Sharpen a delivery or area"
    HELP = (
        "Sharpens an order as a vendor delivers it (a folder, a .zip or .tar, or a metadata file), or the "
        "tiles of Maxar's ARD (a folder, s3://… or https://…, also of an event's collection). An extent or "
        "polygons limit the ground; nothing outside is read. With the same folder, a run that was cut short "
        "goes on where it ended."
    )

    def initAlgorithm(self, configuration: Values | None = None) -> None:
        """Declare the parameters."""
        folder = QgsProcessingParameterFile.Folder
        self.addParameter(QgsProcessingParameterFile("SOURCE", tr("Delivery or ARD"), folder))
        self.add_extent()
        kinds = [QgsProcessing.TypeVectorPolygon]
        area = QgsProcessingParameterFeatureSource("AREA", tr("Only these polygons"), kinds, optional=True)
        self.addParameter(area)
        cids = tr("Only these passes of an ARD (CIDs, with commas between)")
        self.addParameter(QgsProcessingParameterString("CIDS", cids, optional=True))
        dates = tr("Only these days of an ARD, such as 2023-05-16 or 2023-05-01/2023-05-31")
        self.addParameter(QgsProcessingParameterString("DATES", dates, optional=True))
        clouds = QgsProcessingParameterNumber(
            "CLOUDS", tr("Clouds of an ARD's tiles, percent at most"), optional=True, minValue=0, maxValue=100
        )
        self.addParameter(clouds)
        join = QgsProcessingParameterEnum(
            "JOIN",
            tr("Join an ARD's pictures: all in one (event), those of each pass (pass, vrt), or not (none)"),
            options=list(JOINS),
            defaultValue="event",
            usesStaticStrings=True,
        )
        self.addParameter(join)
        self.add_look()
        self.add_options("fuse-ard")
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", tr("Folder of pictures")))
        self.addOutput(QgsProcessingOutputRasterLayer("PICTURE", tr("Sharpened picture")))

    def processAlgorithm(
        self, parameters: Values, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Values:
        """Sharpen."""
        source = self.parameterAsString(parameters, "SOURCE", context)
        folder = Path(self.parameterAsString(parameters, "OUTPUT", context))
        look = ["--look", self.parameterAsString(parameters, "LOOK", context)]
        join = self.parameterAsString(parameters, "JOIN", context)
        with scratch_folder() as scratch, failures():
            polygons = self.polygons(parameters, context, scratch)
            ground = polygons or self.ground(parameters, context)
            further = look + ground + self.options(parameters, context)
            products = self._products(source, feedback)
            if products:
                pictures = self._fuse_products(source, products, folder, further, feedback)
            else:
                chosen = self._choice(parameters, context) + JOINS[join]
                self.potato(["fuse-ard", source, str(folder), *further, *chosen], feedback)
                pictures = _joined(folder, join)
        for picture in pictures:
            details = QgsProcessingContext.LayerDetails(picture.stem, context.project(), "PICTURE")
            context.addLayerToLoadOnCompletion(str(picture), details)
        return {"OUTPUT": str(folder), "PICTURE": str(pictures[0]) if pictures else ""}

    def _products(self, source: str, feedback: QgsProcessingFeedback) -> list[str]:
        """Names of a delivery's products; none of an ARD, such as every address."""
        if "://" in source:
            return []
        listed = json.loads(self.potato(["ls", source, "--json"], feedback).output)
        return [product["name"] for product in listed.get("products", [])]

    def _fuse_products(
        self,
        source: str,
        products: list[str],
        folder: Path,
        further: list[str],
        feedback: QgsProcessingFeedback,
    ) -> list[Path]:
        """Sharpen each product of a delivery; returns the pictures."""
        folder.mkdir(parents=True, exist_ok=True)
        pictures = []
        for name in products:
            picture = folder / f"{name}.tif"
            if not picture.exists():
                self.potato(["fuse", source, str(picture), "--product", name, *further], feedback)
            pictures.append(picture)
        return pictures

    def _choice(self, parameters: Values, context: QgsProcessingContext) -> list[str]:
        """The options that choose tiles of an ARD."""
        cids = self.parameterAsString(parameters, "CIDS", context).split(",")
        chosen = [word for cid in cids if cid.strip() for word in ("--cid", cid.strip())]
        dates = self.parameterAsString(parameters, "DATES", context)
        chosen += ["--date", dates] if dates else []
        if parameters.get("CLOUDS") is not None:
            clouds = self.parameterAsDouble(parameters, "CLOUDS", context)
            chosen += ["--max-clouds", f"{clouds:g}"]
        return chosen


def _joined(folder: Path, join: str) -> list[Path]:
    """The joined pictures in a folder."""
    pattern = {"event": "event.tif", "pass": "*/*.tif", "vrt": "*/*.vrt"}.get(join)
    return sorted((folder / "mosaic").glob(pattern)) if pattern else []
