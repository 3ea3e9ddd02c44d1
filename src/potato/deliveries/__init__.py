"""Reading orders as vendors deliver them: folders and archives of parts with metadata."""

from potato.deliveries.checks import Calibrate
from potato.deliveries.delivery import (
    Delivery,
    find_products,
    is_delivery,
    open_delivery,
    open_product,
)
from potato.deliveries.product import Product

__all__ = [
    "Calibrate",
    "Delivery",
    "Product",
    "find_products",
    "is_delivery",
    "open_delivery",
    "open_product",
]
