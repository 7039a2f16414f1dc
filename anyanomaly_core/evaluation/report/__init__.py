"""What an evaluation found, as tables, files and one HTML page."""
