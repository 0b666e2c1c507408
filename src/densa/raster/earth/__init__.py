"""The figure of the Earth, and pixels on it."""
