"""Making small deliveries as vendors make them, of ground whose reflectance is known."""

from potato.deliveries.synthetic.order import KINDS, MadeDelivery, make_delivery
from potato.deliveries.synthetic.scene import Scene, make_scene

__all__ = ["KINDS", "MadeDelivery", "Scene", "make_delivery", "make_scene"]
