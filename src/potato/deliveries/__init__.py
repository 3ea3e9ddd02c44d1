"""Reading orders as vendors deliver them: folders and archives of parts with metadata."""

from potato.deliveries.delivery import Delivery, find_products, open_delivery
from potato.deliveries.examine import DeliveryListing, list_products
from potato.deliveries.product import Product

__all__ = ["Delivery", "DeliveryListing", "Product", "find_products", "list_products", "open_delivery"]
