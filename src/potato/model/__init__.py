"""The sharpener: the network, and the checkpoints that hold its weights."""
