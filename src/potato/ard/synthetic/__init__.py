"""Making a synthetic ARD: layout, JSON and pixels like a delivery, of simulated ground."""

from potato.ard.synthetic.builder import MadeArd, make_ard

__all__ = ["MadeArd", "make_ard"]
