-- Whether the log-in was made in the console: its refresh tokens may be used again for a moment, those of programs never (docs/authentication.md).
-- The version before writes false: its sessions of the console have no such moment.
ALTER TABLE sessions ADD COLUMN in_console boolean NOT NULL DEFAULT false;
ALTER TABLE operator_sessions ADD COLUMN in_console boolean NOT NULL DEFAULT false;
