-- The roles of docs/roles.md, for one database: run once, connected to it, as somebody who may create roles. The database's
-- owner is there already. Roles that exist are left as they are.
--
--   psql -d shop -f deploy/postgres/roles.sql                      shop_runtime, shop_api, shop_services, …
--   psql -d shop -v prefix=acme -v api_password=… -v services_password=… -v relay_password=… -v writer_password=…
--       -v auditor_password=… -f deploy/postgres/roles.sql
--
-- A log-in without a password of its own cannot log in with one: \password shop_api, or certificates and pg_hba.conf.
\set ON_ERROR_STOP on
-- Whoever may create roles may do much else: nothing that somebody put into the database is called here.
SET search_path = pg_catalog, pg_temp;
\if :{?prefix}
\else
    \set prefix :DBNAME
\endif
\if :{?api_password}
\else
    \set api_password ''
\endif
\if :{?services_password}
\else
    \set services_password ''
\endif
\if :{?relay_password}
\else
    \set relay_password ''
\endif
\if :{?writer_password}
\else
    \set writer_password ''
\endif
\if :{?auditor_password}
\else
    \set auditor_password ''
\endif

-- PostgreSQL cuts off what is longer than a role's name may be: two databases whose names begin alike would share roles.
SELECT format('DO %L', format('BEGIN RAISE EXCEPTION %L; END', :'prefix' || ': the prefix of the roles has more than 54 bytes: give '
    'a shorter one, -v prefix=…, and set api.database_role to <prefix>_runtime'))
WHERE octet_length(:'prefix') > 54 \gexec

-- Since PostgreSQL 15 the schema public belongs to the database's owner. Before, it belongs to a superuser and everybody may create
-- objects in it, which only its owner can end. PostgreSQL lets superusers alone give it away; `migrate` then does the rest.
SELECT 'ALTER SCHEMA public OWNER TO pg_database_owner'
FROM pg_roles WHERE rolname = current_user AND rolsuper AND current_setting('server_version_num')::integer < 150000
    AND EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public') \gexec

-- What the API works as. Nobody logs in as this one.
SELECT format('CREATE ROLE %I NOLOGIN', :'prefix' || '_runtime')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'prefix' || '_runtime') \gexec

-- NOINHERIT: a session can do nothing as the runtime role until it has taken it on.
SELECT format('CREATE ROLE %I LOGIN NOINHERIT', :'prefix' || suffix) || COALESCE(format(' PASSWORD %L', NULLIF(password, '')), '')
FROM (VALUES ('_api', :'api_password'), ('_services', :'services_password'), ('_relay', :'relay_password'),
    ('_writer', :'writer_password'), ('_auditor', :'auditor_password')) AS log_in (suffix, password)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'prefix' || suffix) \gexec

SELECT format('GRANT %I TO %I, %I', :'prefix' || '_runtime', :'prefix' || '_api', :'prefix' || '_services') \gexec

-- Otherwise whoever may log in to the server may connect to each of its databases: installations are shut to each other. Its owner
-- may connect all the same. PostgreSQL only warns whoever may not do this; then these are for the database's owner.
SELECT format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'prefix' || suffix)
FROM unnest(ARRAY['_api', '_services', '_relay', '_writer', '_auditor']) AS suffix \gexec
