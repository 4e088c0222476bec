-- The roles of docs/roles.md, for one database: run once, connected to it, as somebody who may create roles. The database's
-- owner is there already. Roles that exist are left as they are.
--
--   psql -d shop -f deploy/postgres/roles.sql                      shop_runtime, shop_api, shop_services, …
--   psql -d shop -v prefix=acme -v password=… -f deploy/postgres/roles.sql
--
-- Without a password nobody logs in with one: ALTER ROLE … PASSWORD, or certificates and pg_hba.conf.
\set ON_ERROR_STOP on
\if :{?prefix}
\else
    \set prefix :DBNAME
\endif
\if :{?password}
    SELECT format('PASSWORD %L', :'password') AS password_clause \gset
\else
    \set password_clause ''
\endif

-- What the API works as. Nobody logs in as this one.
SELECT format('CREATE ROLE %I NOLOGIN', :'prefix' || '_runtime')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'prefix' || '_runtime') \gexec

-- NOINHERIT: a session can do nothing as the runtime role until it has taken it on.
SELECT format('CREATE ROLE %I LOGIN NOINHERIT %s', :'prefix' || suffix, :'password_clause')
FROM unnest(ARRAY['_api', '_services', '_relay', '_writer', '_auditor']) AS suffix
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'prefix' || suffix) \gexec

SELECT format('GRANT %I TO %I, %I', :'prefix' || '_runtime', :'prefix' || '_api', :'prefix' || '_services') \gexec
