"""Rating catalog IDs: how well each collect of an ARD is seen, how dry it is, how much there is to see."""

from potato.ard.rating.measures import AXES, Measures, Rating, quality_index, rate
from potato.ard.rating.rate_ard import Rated, choose_best, rate_cids

__all__ = ["AXES", "Measures", "Rated", "Rating", "choose_best", "quality_index", "rate", "rate_cids"]
