"""Routes, one module for each page; longer SQL is in ``queries``."""
