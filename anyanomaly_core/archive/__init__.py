"""The archive and its database: what is new, what is missing, scanning it, keeping it in order."""
