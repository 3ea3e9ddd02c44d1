"""Training chips: cut out of imagery, fake, or of simulated scenes; and pools of them."""

from potato.chips.chip import Chip, load_chip, save_chip

__all__ = ["Chip", "load_chip", "save_chip"]
