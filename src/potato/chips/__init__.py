"""What to learn from: chips cut out of imagery or invented, and pools of them."""

from potato.chips.chip import Chip, load_chip, save_chip

__all__ = ["Chip", "load_chip", "save_chip"]
