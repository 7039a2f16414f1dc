"""What a rule is, its versions' digests, and rule files."""
