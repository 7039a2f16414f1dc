"""Footage: where files come from, probing, decoding in a sandbox, segments."""
