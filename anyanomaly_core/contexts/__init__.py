"""Key frames, windows, and the two context images; arithmetic on arrays, no model."""
