"""Faces in evidence: found, followed through gaps, and covered."""
