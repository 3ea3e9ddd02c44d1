"""Facts and arithmetic: sensors, windows, colour, rendering, resampling, noise. Nothing here opens a file."""
