-- The upkeep of the history. The relay's role owns nothing: what only an owner may do, these functions do for it, and
-- nothing else.
--
-- A function that runs as its owner must not call what others put into the schema, such as an operator of the same name
-- that fits better. So each of them has the system's catalogue alone in its search path, and names its tables with their
-- schema, which stands here as @schema@.

-- One upkeep at a time: a claim that is not renewed ends. A row, since everybody who may connect can take an advisory lock.
CREATE TABLE relay_upkeep (
    task          text        PRIMARY KEY,
    claimed_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO relay_upkeep (task) VALUES ('history');

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($functions$
        -- Makes the partition of a day (in UTC) of which the default partition has no rows. Quick only if that is empty, or if
        -- the day was excluded from it, by a constraint that is not needed any more afterwards.
        CREATE FUNCTION outbox_history_make_day(day date) RETURNS void
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            name text := to_char(day, '"outbox_history_"YYYY_MM_DD');
        BEGIN
            EXECUTE format('CREATE TABLE @schema@.%I (LIKE @schema@.outbox_history INCLUDING ALL)', name);
            EXECUTE format('ALTER TABLE @schema@.outbox_history ATTACH PARTITION @schema@.%I FOR VALUES FROM (%L) TO (%L)',
                name, to_char(day, 'YYYY-MM-DD"T00:00:00Z"'), to_char(day + 1, 'YYYY-MM-DD"T00:00:00Z"'));
            EXECUTE format('ALTER TABLE @schema@.outbox_history_default DROP CONSTRAINT IF EXISTS %I',
                to_char(day, '"outbox_history_not_"YYYY_MM_DD'));
        END
        $$;

        -- From now on the default partition takes no row of this day. Takes its lock for a moment: what is there already is
        -- looked at by the function below.
        CREATE FUNCTION outbox_history_exclude_day(day date) RETURNS void
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            EXECUTE format('ALTER TABLE @schema@.outbox_history_default ADD CONSTRAINT %I
                CHECK (published_at IS NULL OR published_at < %L OR published_at >= %L) NOT VALID',
                to_char(day, '"outbox_history_not_"YYYY_MM_DD'),
                to_char(day, 'YYYY-MM-DD"T00:00:00Z"'), to_char(day + 1, 'YYYY-MM-DD"T00:00:00Z"'));
        END
        $$;

        -- Proves that the default partition has no rows of an excluded day: reads it, and lets inserts pass.
        CREATE FUNCTION outbox_history_prove_exclusion(day date) RETURNS void
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            EXECUTE format('ALTER TABLE @schema@.outbox_history_default VALIDATE CONSTRAINT %I',
                to_char(day, '"outbox_history_not_"YYYY_MM_DD'));
        END
        $$;

        -- Removes the exclusions that were left behind when an upkeep was interrupted.
        CREATE FUNCTION outbox_history_end_exclusions() RETURNS void
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            name text;
        BEGIN
            FOR name IN SELECT conname FROM pg_constraint
                WHERE conrelid = '@schema@.outbox_history_default'::regclass AND starts_with(conname, 'outbox_history_not_')
            LOOP
                EXECUTE format('ALTER TABLE @schema@.outbox_history_default DROP CONSTRAINT %I', name);
            END LOOP;
        END
        $$;

        -- Drops a day that is over, with everything in it. Locks the whole history, for a moment. A name does not tell a year from
        -- the same one before Christ: no day of before there was a history.
        CREATE FUNCTION outbox_history_drop_day(day date) RETURNS void
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF day >= (now() AT TIME ZONE 'UTC')::date THEN
                RAISE EXCEPTION 'the day % is not over: only days of the past can be dropped from the history', day;
            ELSIF day < '2000-01-01' THEN
                RAISE EXCEPTION 'the day % is before 2000-01-01: the history has none so old', day;
            END IF;
            EXECUTE format('DROP TABLE IF EXISTS @schema@.%I', to_char(day, '"outbox_history_"YYYY_MM_DD'));
        END
        $$;
    $functions$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;

REVOKE EXECUTE ON FUNCTION outbox_history_make_day, outbox_history_exclude_day, outbox_history_prove_exclusion,
    outbox_history_end_exclusions, outbox_history_drop_day FROM PUBLIC;
