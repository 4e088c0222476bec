-- Rate limits that replicas share, and the log-in throttle. Neither belongs to a tenant: both come before anybody knows whose
-- request it is.

-- Each replica writes its own rows, about once a second, and reads those of the others. Unlogged: after a crash of the
-- server they are gone, and the minute that they were for is soon over.
CREATE UNLOGGED TABLE rate_limit_counts (
    limit_name    text        NOT NULL,
    subject       text        NOT NULL,
    -- Seconds since 1970 divided by 60.
    window_number bigint      NOT NULL,
    replica_id    uuid        NOT NULL,
    requests      bigint      NOT NULL CHECK (requests >= 0),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (limit_name, subject, window_number, replica_id)
) WITH (
    -- Rows are changed again and again and then deleted: room beside them, and vacuum by number.
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 10000
);

-- Who tried to log in, and failed so far. An attempt counts as failed until its password has been verified.
CREATE TABLE login_throttles (
    -- SHA-256 of an e-mail address, whether somebody has it or not, or of a network address.
    subject      bytea            PRIMARY KEY CHECK (octet_length(subject) = 32),
    -- Not whole where failures are forgiven over time.
    failures     double precision NOT NULL CHECK (failures >= 0::double precision),
    attempted_at timestamptz      NOT NULL DEFAULT now(),
    locked_until timestamptz,
    -- Of the last attempt that was let through.
    ticket       uuid             NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX login_throttles_attempted_at_idx ON login_throttles (attempted_at);
