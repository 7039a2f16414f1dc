"""Training of LAVIDA: no real anomaly is needed, only segmented pictures and lists of words (docs/lavida.md)."""
