"""Scoring one video: decoded segments, static scenes, the cascade, the journal. No database and no archive."""
