"""Facts and arithmetic: sensors, windows, colour, rendering, resampling, noise; opens no file."""
