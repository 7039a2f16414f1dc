COMMENT ON COLUMN segment_scores.reason IS 'Why the segment was carried, pruned or failed, or by how much a judged score may be off.';
