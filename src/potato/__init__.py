"""Potato sharpens WorldView-2 and -3 imagery: a pan and a mul in, one sharp picture in true colour out.

The names below are the surface for notebooks and scripts; they load when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from potato import color
    from potato.delivery import fuse_ard, list_ard
    from potato.errors import PotatoError
    from potato.fusion import Fused, fuse
    from potato.judging import evaluate
    from potato.looks import Look
    from potato.model import Architecture, Sharpener, sharpen
    from potato.raster import Pair, open_pair
    from potato.serving import sharpen_onto, sharpen_window
    from potato.showcase import Demonstration, demo
    from potato.weights import load_model, save_model

__all__ = [
    "Architecture",
    "Demonstration",
    "Fused",
    "Look",
    "Pair",
    "PotatoError",
    "Sharpener",
    "color",
    "demo",
    "evaluate",
    "fuse",
    "fuse_ard",
    "list_ard",
    "load_model",
    "open_pair",
    "save_model",
    "sharpen",
    "sharpen_onto",
    "sharpen_window",
]

_HOMES = {
    "Architecture": "model",
    "Demonstration": "showcase",
    "demo": "showcase",
    "evaluate": "judging",
    "Fused": "fusion",
    "Look": "looks",
    "Pair": "raster",
    "PotatoError": "errors",
    "Sharpener": "model",
    "fuse": "fusion",
    "fuse_ard": "delivery",
    "list_ard": "delivery",
    "load_model": "weights",
    "open_pair": "raster",
    "save_model": "weights",
    "sharpen": "model",
    "sharpen_onto": "serving",
    "sharpen_window": "serving",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"potato.{_HOMES[name]}"), name)
    if name == "color":
        return importlib.import_module("potato.color")
    raise AttributeError(f"module 'potato' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
