"""Training chips (cut out of imagery, faked, or simulated), and pools of chips."""

from potato.chips.chip import Chip, load_chip, save_chip

__all__ = ["Chip", "load_chip", "save_chip"]
