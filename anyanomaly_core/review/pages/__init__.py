"""Routes, one module for each page; the questions they ask are in ``asking``."""
