ALTER TABLE projection_rebuilds DROP COLUMN waits_since;
