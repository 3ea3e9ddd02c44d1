"""Evaluation: sharpeners compared on pairs, chips and surfaces, and two finished pictures.

`evaluate` is the door to all modes. `protocols` and `metrics` work on tensors.
"""

from potato.evaluation.by_chips import evaluate_chips
from potato.evaluation.by_pair import evaluate_pair
from potato.evaluation.by_pictures import evaluate_pictures
from potato.evaluation.by_registration import measure_registration
from potato.evaluation.by_surfaces import evaluate_surfaces
from potato.evaluation.methods import MethodSpec
from potato.evaluation.protocols import Protocols
from potato.evaluation.result import Evaluation
from potato.evaluation.runner import evaluate

__all__ = [
    "Evaluation",
    "MethodSpec",
    "Protocols",
    "evaluate",
    "evaluate_chips",
    "evaluate_pair",
    "evaluate_pictures",
    "evaluate_surfaces",
    "measure_registration",
]
