"""Potato sharpens satellite pictures: pan and mul in, one sharp picture in true colour out.

The names in `__all__` are the interface for notebooks and scripts. Each is loaded when it is first
used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from potato.ard.listing import list_ard
    from potato.core import color
    from potato.core.platforms import find_sensor
    from potato.core.render import Look
    from potato.demonstration import Demonstration, demo
    from potato.errors import PotatoError
    from potato.evaluation.runner import evaluate
    from potato.fusion.ard.ard_run import fuse_ard
    from potato.fusion.pipeline import Fused, fuse
    from potato.fusion.window import sharpen_onto, sharpen_window
    from potato.model.model import Architecture, Model
    from potato.model.network import Sharpener, sharpen
    from potato.model.weights import load_model, save_model
    from potato.raster.layer import Reading
    from potato.raster.pair import Pair, open_pair
    from potato.serving.live_map import live

__all__ = [
    "Architecture",
    "Demonstration",
    "Fused",
    "Look",
    "Model",
    "Pair",
    "PotatoError",
    "Reading",
    "Sharpener",
    "color",
    "demo",
    "evaluate",
    "find_sensor",
    "fuse",
    "fuse_ard",
    "list_ard",
    "live",
    "load_model",
    "open_pair",
    "save_model",
    "sharpen",
    "sharpen_onto",
    "sharpen_window",
]

_HOMES = {  # the module of each name
    "Architecture": "model.model",
    "Demonstration": "demonstration",
    "demo": "demonstration",
    "evaluate": "evaluation.runner",
    "Fused": "fusion.pipeline",
    "Look": "core.render",
    "Model": "model.model",
    "Pair": "raster.pair",
    "PotatoError": "errors",
    "Reading": "raster.layer",
    "Sharpener": "model.network",
    "find_sensor": "core.platforms",
    "fuse": "fusion.pipeline",
    "fuse_ard": "fusion.ard.ard_run",
    "list_ard": "ard.listing",
    "live": "serving.live_map",
    "load_model": "model.weights",
    "open_pair": "raster.pair",
    "save_model": "model.weights",
    "sharpen": "model.network",
    "sharpen_onto": "fusion.window",
    "sharpen_window": "fusion.window",
}


def __getattr__(name: str) -> Any:
    if name == "color":
        return importlib.import_module("potato.core.color")
    if name in _HOMES:
        from potato.core.installation import extra_for, refuse_conflict

        refuse_conflict()
        with extra_for(f"potato.{name}"):
            return getattr(importlib.import_module(f"potato.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'potato' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
