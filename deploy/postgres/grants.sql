-- What the roles of docs/roles.md may do: run as the database's owner, after `api migrate`, and again after an upgrade. For a
-- relay alone, after `relay migrate`, the first two are enough.
--
--   psql -d shop -f deploy/postgres/grants.sql
\set ON_ERROR_STOP on
\if :{?prefix}
\else
    \set prefix :DBNAME
\endif

-- Named with pg_catalog, and typed: nothing that somebody put into the schema is called in its place.
SELECT pg_catalog.format('CALL outbox_grant_relay(%L::regrole)', pg_catalog.quote_ident(:'prefix'::text || '_relay'::text)) \gexec
SELECT pg_catalog.format('CALL outbox_grant_writer(%L::regrole)', pg_catalog.quote_ident(:'prefix'::text || '_writer'::text)) \gexec
SELECT pg_catalog.format('CALL comptoir_grant_services(%L::regrole)', pg_catalog.quote_ident(:'prefix'::text || '_services'::text)) \gexec
SELECT pg_catalog.format('CALL comptoir_grant_auditor(%L::regrole)', pg_catalog.quote_ident(:'prefix'::text || '_auditor'::text)) \gexec
