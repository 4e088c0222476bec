CREATE INDEX stock_levels_untold_idx ON stock_levels (told_at, tenant_id, id) WHERE untold;
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE OR REPLACE FUNCTION untold_stock(told_before timestamptz, most bigint) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.tenant_id, s.id FROM @schema@.stock_levels AS s WHERE s.untold AND s.told_at < $1 ORDER BY s.told_at LIMIT $2
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
DROP TRIGGER stock_levels_keep_untold_of_new ON stock_levels;
DROP TRIGGER stock_levels_keep_untold ON stock_levels;
DROP FUNCTION stock_levels_keep_untold;
DROP TABLE untold_stock_levels;
