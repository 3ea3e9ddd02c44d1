"""Land: what stands and grows on simulated ground, drawn pixel by pixel."""
