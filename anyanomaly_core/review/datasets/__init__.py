"""Events as data sets that other tools read: pictures, spans, and verdicts as labels (docs/exports.md)."""
