"""Deliveries: the tiles of an ARD sharpened into a folder of pictures, by the thousand."""

from potato.delivery.agenda import Delivered, Forecast
from potato.delivery.listing import Listing, list_ard
from potato.delivery.run import fuse_ard

__all__ = ["Delivered", "Forecast", "Listing", "fuse_ard", "list_ard"]
