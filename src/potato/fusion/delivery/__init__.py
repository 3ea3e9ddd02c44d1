"""Deliveries: the tiles of an ARD sharpened into a folder of pictures, by the thousand."""

from potato.ard.listing import Listing, list_ard
from potato.fusion.delivery.deliver import fuse_ard
from potato.fusion.delivery.schedule import Delivered, Forecast

__all__ = ["Delivered", "Forecast", "Listing", "fuse_ard", "list_ard"]
