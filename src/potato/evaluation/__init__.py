"""Judging sharpeners beside each other: by pairs, chips and surfaces, and finished pictures by each other.

`protocols`, `spread`, `masks`, `kinds` and `robustness` work on tensors; the others are the tools behind
`potato evaluate` and `make score`.
"""

from potato.evaluation.by_chips import judge_chips
from potato.evaluation.by_pair import judge_pair
from potato.evaluation.by_pictures import judge_pictures
from potato.evaluation.by_registration import measure_registration
from potato.evaluation.by_surfaces import judge_surfaces
from potato.evaluation.findings import Protocols
from potato.evaluation.result import Evaluation
from potato.evaluation.runner import evaluate

__all__ = [
    "Evaluation",
    "Protocols",
    "evaluate",
    "judge_chips",
    "judge_pair",
    "judge_pictures",
    "judge_surfaces",
    "measure_registration",
]
