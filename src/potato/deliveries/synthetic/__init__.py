"""Making small deliveries as vendors make them, of ground whose reflectance is known."""

from potato.deliveries.synthetic.order import MadeDelivery, make_delivery

__all__ = ["MadeDelivery", "make_delivery"]
