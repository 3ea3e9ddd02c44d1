"""Sharpening: one pair of files, a window of a pair, or a whole delivery."""
