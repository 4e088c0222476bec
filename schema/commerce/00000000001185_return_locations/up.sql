-- Where the goods of a line of a return were put (ADR 31). NULL is no location, as for all lines of before: the version before writes NULL.
-- A location is never deleted, and whoever writes the line holds it: a foreign key would lock it once more.
ALTER TABLE return_lines ADD COLUMN location_id uuid;
