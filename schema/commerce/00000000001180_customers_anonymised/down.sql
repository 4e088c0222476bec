-- The version before exports no whole company: whoever may read these may not any more.
UPDATE runtime_privileges SET privileges = 'INSERT' WHERE table_name = 'order_steps';
DELETE FROM runtime_privileges WHERE table_name = 'invoice_chain';
DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT DISTINCT c.relname, acl.grantee FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS acl
        WHERE (c.oid OPERATOR(pg_catalog.=) 'order_steps'::pg_catalog.regclass::pg_catalog.oid
                OR c.oid OPERATOR(pg_catalog.=) 'invoice_chain'::pg_catalog.regclass::pg_catalog.oid)
            AND acl.privilege_type OPERATOR(pg_catalog.=) 'SELECT'::pg_catalog.text
            AND acl.grantee OPERATOR(pg_catalog.<>) c.relowner AND acl.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
    LOOP
        EXECUTE pg_catalog.format('REVOKE SELECT ON %I FROM %s', held.relname, held.grantee::pg_catalog.regrole);
    END LOOP;
END
$$;
ALTER TABLE customers DROP COLUMN anonymised_at;
