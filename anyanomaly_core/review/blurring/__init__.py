"""Blurring of faces and number plates in clips and stills."""
