"""Rating the passes of an ARD: how clear each is, how dry, and how rich in structure."""

from potato.ard.rating.measures import AXES, Measures, Rating, quality_index, rate
from potato.ard.rating.rate_ard import Rated, choose_best, rate_cids

__all__ = ["AXES", "Measures", "Rated", "Rating", "choose_best", "quality_index", "rate", "rate_cids"]
