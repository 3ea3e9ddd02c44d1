"""Rating catalog IDs: how well each collect of an ARD can be seen, how dry it is, how much there is to see."""

from potato.cids.measures import AXES, Measures, Rating, quality_index, rate


__all__ = ["AXES", "Measures", "Rating", "quality_index", "rate"]
