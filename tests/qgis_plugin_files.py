"""Files of the QGIS plugin, which is no package of this Python."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]

PLUGIN = ROOT / "qgis" / "potato_sharpen"


def load(path: Path) -> ModuleType:
    """A module from its file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look for their module here.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
