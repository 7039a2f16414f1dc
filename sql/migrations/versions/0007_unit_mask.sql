-- Privacy masks are part of what the models were shown, so a unit of work says which one was drawn.

ALTER TABLE units ADD COLUMN mask_digest text;
COMMENT ON COLUMN units.mask_digest IS 'SHA-256 of the camera''s privacy mask when this was scored; NULL: it had none.';
