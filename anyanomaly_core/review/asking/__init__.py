"""What the pages ask the database, as its user ``reviewer``."""
