-- Run by `migrate` before anything else, every time, whichever sets of migrations follow. What a stranger put into the schema
-- can fit better than what a statement means: it is called as the owner, who migrates, and a constraint or an index that is
-- made then keeps it. All of this is done with the system's catalogue alone in the search path.

-- Takes from everybody but the owner the right to create something in the schema, where this role may. By itself, so that it
-- stays done when the schema is refused below.
BEGIN;
DO $$
DECLARE
    schema_name pg_catalog.name := pg_catalog.current_schema();
    schema      pg_catalog.pg_namespace;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT * INTO schema FROM pg_namespace WHERE nspname = schema_name;
    IF NOT EXISTS (
        SELECT FROM aclexplode(COALESCE(schema.nspacl, acldefault('n', schema.nspowner)))
        WHERE grantee = 0 AND privilege_type = 'CREATE')
    THEN
        RETURN;
    ELSIF pg_has_role(schema.nspowner, 'USAGE') THEN
        BEGIN
            EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', schema_name);
        EXCEPTION
            -- Another run does the same at this moment.
            WHEN internal_error THEN NULL;
        END;
    ELSE
        RAISE WARNING 'everybody may create objects in the schema %', schema_name
            USING HINT = format('As its owner: REVOKE CREATE ON SCHEMA %I FROM PUBLIC', schema_name);
    END IF;
END
$$;
COMMIT;

-- Refuses a schema in which others left something that could be called, or the table by which migrations are told apart. A
-- superuser and the database's owner need no such way, and extensions are theirs. A cast has neither schema nor owner: it is
-- made by the owner of one of its types, and calls a function.
DO $$
DECLARE
    path     pg_catalog.name[] := pg_catalog.current_schemas(false);
    searched pg_catalog.oid[];
    planted  pg_catalog.text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    searched := ARRAY(SELECT n.oid FROM unnest(path) WITH ORDINALITY AS s (name, place)
        JOIN pg_namespace AS n ON n.nspname = s.name ORDER BY s.place);
    SELECT string_agg(format('%s of %s', found.what, r.rolname), ', ' ORDER BY found.what) INTO planted
    FROM (
        SELECT 'pg_proc'::regclass AS catalogue, oid, proowner AS owner, 'the function ' || oid::regprocedure::text AS what
        FROM pg_proc WHERE pronamespace = ANY (searched)
        UNION ALL
        SELECT 'pg_operator'::regclass, oid, oprowner, 'the operator ' || oid::regoperator::text
        FROM pg_operator WHERE oprnamespace = ANY (searched)
        UNION ALL
        -- Not the type that each table has, nor the array of each type.
        SELECT 'pg_type'::regclass, t.oid, t.typowner, 'the type ' || t.oid::regtype::text
        FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
        WHERE t.typnamespace = ANY (searched) AND t.typcategory <> 'A' AND COALESCE(c.relkind = 'c', true)
        UNION ALL
        -- Whoever owns it says which migrations were applied, and a trigger of it would run as this role.
        SELECT 'pg_class'::regclass, oid, relowner, 'the table ' || oid::regclass::text
        FROM pg_class WHERE relnamespace = searched[1] AND relname = '__diesel_schema_migrations'
    ) AS found
    JOIN pg_roles AS r ON r.oid = found.owner
    WHERE r.rolname NOT IN (current_user, 'pg_database_owner') AND NOT r.rolsuper
        AND found.owner <> (SELECT datdba FROM pg_database WHERE datname = current_database())
        AND NOT EXISTS (SELECT FROM pg_depend AS d
            WHERE d.classid = found.catalogue AND d.objid = found.oid AND d.deptype = 'e');
    IF planted IS NOT NULL THEN
        RAISE EXCEPTION 'the schema holds what others made, and % could call it without meaning to: %; drop it, give it to % (ALTER '
            '… OWNER TO), or migrate into a schema of its own (ALTER ROLE … SET search_path)', current_user, left(planted, 1000), current_user;
    END IF;
END
$$;
