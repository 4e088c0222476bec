-- Since when a comparison waits for the live generation: for events of which the write model, read for the other one, tells already.
ALTER TABLE projection_rebuilds ADD COLUMN waits_since timestamptz;
