-- What the roles of docs/roles.md may do: run as the database's owner, after `api migrate`, and again after an upgrade. For a
-- relay alone, after `relay migrate`, the first two are enough.
--
--   psql -d shop -f deploy/postgres/grants.sql
\set ON_ERROR_STOP on
\if :{?prefix}
\else
    \set prefix :DBNAME
\endif

SELECT format('CALL outbox_grant_relay(%L)', quote_ident(:'prefix' || '_relay')) \gexec
SELECT format('CALL outbox_grant_writer(%L)', quote_ident(:'prefix' || '_writer')) \gexec
SELECT format('CALL comptoir_grant_services(%L)', quote_ident(:'prefix' || '_services')) \gexec
SELECT format('CALL comptoir_grant_auditor(%L)', quote_ident(:'prefix' || '_auditor')) \gexec
