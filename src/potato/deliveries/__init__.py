"""Reading orders as vendors deliver them: folders and archives of parts with metadata."""

from potato.deliveries.checks import Calibrate
from potato.deliveries.delivery import (
    Delivery,
    clear_files,
    clear_haze,
    find_products,
    is_delivery,
    open_delivery,
    open_layers,
)
from potato.deliveries.examine import Examined, Listing, examine_products, list_products
from potato.deliveries.files import product_of_files
from potato.deliveries.product import Product

__all__ = [
    "Calibrate",
    "Delivery",
    "Examined",
    "Listing",
    "Product",
    "clear_files",
    "clear_haze",
    "examine_products",
    "find_products",
    "is_delivery",
    "list_products",
    "open_delivery",
    "open_layers",
    "product_of_files",
]
