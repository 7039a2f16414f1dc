"""The morning report of a night, as a page and as CSV."""
