"""Evidence bundles: exported, signed, and verified by anybody."""
