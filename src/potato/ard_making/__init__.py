"""Making an ARD: a folder with the layout, the JSON and the pixels of a delivery, of simulated ground."""

from potato.ard_making.folder import Made, Truth, make_ard
from potato.ard_making.plan import SIZE_STEP, Collect, plan_collects

__all__ = ["SIZE_STEP", "Collect", "Made", "Truth", "make_ard", "plan_collects"]
