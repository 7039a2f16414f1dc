"""Clips and stills of events, made on demand from the original footage."""
