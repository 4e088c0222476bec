-- The levels of which a change was not told yet, in a table of their own. An index of stock_levels had told_at, which nearly every movement changes: each then wrote
-- its level anew in all indexes of the table, the words of the search among them.
CREATE TABLE untold_stock_levels (
    tenant_id uuid        NOT NULL,
    stock_id  uuid        NOT NULL,
    -- When it was told last.
    told_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, stock_id)
);
CREATE INDEX untold_stock_levels_told_at_idx ON untold_stock_levels (told_at, tenant_id, stock_id);
CALL comptoir_protect('untold_stock_levels'::regclass);
-- Only its owner reads and writes it, in the trigger and in untold_stock(): levels can be changed before the grants that follow a migration.

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
-- Keeps untold_stock_levels as stock_levels says, also for replicas of the version before.
CREATE FUNCTION stock_levels_keep_untold() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM @schema@.untold_stock_levels AS u WHERE u.tenant_id = NEW.tenant_id AND u.stock_id = NEW.id;
    IF NEW.untold THEN
        INSERT INTO @schema@.untold_stock_levels VALUES (NEW.tenant_id, NEW.id, COALESCE(NEW.told_at, NEW.updated_at));
    END IF;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION stock_levels_keep_untold FROM PUBLIC;

CREATE OR REPLACE FUNCTION untold_stock(told_before timestamptz, most bigint) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.tenant_id, u.stock_id FROM @schema@.untold_stock_levels AS u WHERE u.told_at < $1 ORDER BY u.told_at LIMIT $2
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
-- Nobody writes a level from here to the end of the migration.
CREATE TRIGGER stock_levels_keep_untold AFTER UPDATE OF untold, told_at ON stock_levels
    FOR EACH ROW WHEN (NEW.untold IS DISTINCT FROM OLD.untold OR NEW.untold AND NEW.told_at IS DISTINCT FROM OLD.told_at) EXECUTE FUNCTION stock_levels_keep_untold();
CREATE TRIGGER stock_levels_keep_untold_of_new AFTER INSERT ON stock_levels
    FOR EACH ROW WHEN (NEW.untold) EXECUTE FUNCTION stock_levels_keep_untold();
INSERT INTO untold_stock_levels SELECT s.tenant_id, s.id, COALESCE(s.told_at, s.updated_at) FROM stock_levels AS s WHERE s.untold;
DROP INDEX stock_levels_untold_idx;
