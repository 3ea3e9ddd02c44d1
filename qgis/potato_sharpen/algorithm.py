"""What the algorithms share: they run a command of Potato and show its progress and its errors."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processing.core.ProcessingConfig import ProcessingConfig
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeatureRequest,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from potato_sharpen import runner

ICON = Path(__file__).with_name("icon.svg")

COMMAND_SETTING = "POTATO_COMMAND"
"""Name of the setting under Settings, Options, Processing, Providers."""

LOOKS = ["natural", "clear", "vivid", "flat"]

DEGREES = "EPSG:4326"

Values = dict[str, Any]
"""Parameters or results of an algorithm, by name."""


def tr(text: str) -> str:
    """A text in the user's language."""
    return QCoreApplication.translate("PotatoSharpen", text)


class PotatoAlgorithm(QgsProcessingAlgorithm):
    """An algorithm that runs a command.

    Attributes:
        NAME: its name for scripts.
        TITLE: its name for people.
        HELP: what it does, in a few sentences.
    """

    NAME = TITLE = HELP = ""

    def name(self) -> str:
        """The name for scripts."""
        return self.NAME

    def displayName(self) -> str:
        """The name for people."""
        return tr(self.TITLE)

    def shortHelpString(self) -> str:
        """What the algorithm does."""
        return tr(self.HELP)

    def icon(self) -> QIcon:
        """The icon in the toolbox."""
        return QIcon(str(ICON))

    def createInstance(self) -> PotatoAlgorithm:
        """A new instance, for each run."""
        return type(self)()

    def add_look(self) -> None:
        """Add the parameter of the look."""
        look = QgsProcessingParameterEnum(
            "LOOK",
            tr("Look: natural, clear or vivid (8 bits, for viewing), or flat (16 bits, for grading)"),
            options=LOOKS,
            defaultValue=LOOKS[0],
            usesStaticStrings=True,
        )
        self.addParameter(look)

    def add_extent(self) -> None:
        """Add the parameter of the ground."""
        self.addParameter(QgsProcessingParameterExtent("EXTENT", tr("Only this ground"), optional=True))

    def add_options(self, command: str) -> None:
        """Add the parameter of further options of a command."""
        text = tr("Further options, as 'potato {} --help' lists them").format(command)
        options = QgsProcessingParameterString("OPTIONS", text, optional=True)
        advanced = QgsProcessingParameterDefinition.FlagAdvanced
        options.setFlags(options.flags() | advanced)
        self.addParameter(options)

    def ground(self, parameters: Values, context: QgsProcessingContext) -> list[str]:
        """The option of the extent that was chosen, in degrees; none if none was."""
        degrees = QgsCoordinateReferenceSystem(DEGREES)
        box = self.parameterAsExtent(parameters, "EXTENT", context, degrees)
        if box.isNull():
            return []
        sides = box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()
        return ["--bbox", *(f"{side:.9f}" for side in sides)]

    def polygons(self, parameters: Values, context: QgsProcessingContext, folder: Path) -> list[str]:
        """The option of the polygons that were chosen, as a file in a folder; none if none were."""
        source = self.parameterAsSource(parameters, "AREA", context)
        if source is None:
            return []
        degrees = QgsCoordinateReferenceSystem(DEGREES)
        request = QgsFeatureRequest().setDestinationCrs(degrees, context.transformContext())
        features = [
            {"type": "Feature", "properties": {}, "geometry": json.loads(feature.geometry().asJson(9))}
            for feature in source.getFeatures(request)
        ]
        file = folder / "area.geojson"
        file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        return ["--aoi", str(file)]

    def options(self, parameters: Values, context: QgsProcessingContext) -> list[str]:
        """Further options that were given."""
        return runner.split(self.parameterAsString(parameters, "OPTIONS", context))

    def potato(self, arguments: Sequence[str], feedback: QgsProcessingFeedback) -> runner.Outcome:
        """Run a command of Potato.

        Raises:
            QgsProcessingException: if it fails, with its one line.
        """
        with failures():
            return run([command(), *arguments], feedback)


def command() -> str:
    """Potato's command.

    Raises:
        PotatoError: if there is none.
    """
    return runner.find_potato(ProcessingConfig.getSetting(COMMAND_SETTING) or "")


def run(arguments: Sequence[str], feedback: QgsProcessingFeedback) -> runner.Outcome:
    """Run a command, whose progress and lines the dialog shows, and which it can cancel.

    Raises:
        PotatoError: if it fails.
    """
    feedback.pushCommandInfo(runner.quoted(arguments))
    outcome = runner.run(
        arguments, tell=feedback.pushInfo, progress=feedback.setProgress, cancelled=feedback.isCanceled
    )
    said = outcome.output.strip()
    if outcome.code:
        feedback.reportError(said)
    elif said and "--json" not in arguments:
        feedback.pushInfo(said)
    return outcome


@contextmanager
def failures() -> Iterator[None]:
    """Hand errors inside to QGIS."""
    try:
        yield
    except runner.PotatoError as error:
        raise QgsProcessingException(str(error)) from error


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="potato-") as folder:
        yield Path(folder)
