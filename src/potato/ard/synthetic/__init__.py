"""Making a synthetic ARD: layout, JSON and pixels like a delivery, of simulated ground."""

from potato.ard.synthetic.builder import MadeArd, Truth, make_ard
from potato.ard.synthetic.collects import SIZE_STEP, Collect, plan_collects

__all__ = ["SIZE_STEP", "Collect", "MadeArd", "Truth", "make_ard", "plan_collects"]
