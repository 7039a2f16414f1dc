"""SQL behind the pages, one module for each page."""
