"""Judging sharpeners beside each other: by pairs, chips and surfaces, and finished pictures by each other.

`protocols`, `spread`, `masks`, `kinds` and `robustness` work on tensors; the others are the tools behind
`potato evaluate` and `make score`.
"""

from potato.judging.chips import judge_chips
from potato.judging.pairs import judge_pair
from potato.judging.pictures import judge_pictures
from potato.judging.protocols import Protocols
from potato.judging.registering import measure_registration
from potato.judging.running import evaluate
from potato.judging.sections import Evaluation
from potato.judging.surfaces import judge_surfaces

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
