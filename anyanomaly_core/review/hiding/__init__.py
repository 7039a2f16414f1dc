"""Faces and number plates in evidence: found, followed through gaps, and covered."""
