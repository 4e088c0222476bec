-- Whether the broker has been taking messages of this replica for a while, so that it blocks nobody: a replica that believes itself
-- blocked then is cut off.
ALTER TABLE relay_replicas ADD COLUMN publishes boolean NOT NULL DEFAULT false;
