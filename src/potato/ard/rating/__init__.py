"""Rating the passes of an ARD: how clear each is, how dry, and how rich in structure."""

from potato.ard.rating.rate_ard import Rated, rate_cids

__all__ = ["Rated", "rate_cids"]
