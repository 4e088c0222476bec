#!/usr/bin/env bash
# For deploy/compose.yaml: the database, its owner and the roles of docs/roles.md, made with the data. The image runs this as
# its superuser, once. Each has a password of its own; the writer and the auditor, as whom nothing of compose.yaml logs in, have
# none unless one is given.
set -euo pipefail

psql=(psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER")
"${psql[@]}" --set password="$OWNER_PASSWORD" <<'SQL'
CREATE ROLE comptoir_owner LOGIN PASSWORD :'password';
CREATE DATABASE comptoir OWNER comptoir_owner;
SQL
"${psql[@]}" --dbname comptoir --set api_password="$API_PASSWORD" --set services_password="$SERVICES_PASSWORD" \
    --set relay_password="$RELAY_PASSWORD" --set writer_password="${WRITER_PASSWORD:-}" \
    --set auditor_password="${AUDITOR_PASSWORD:-}" --file /comptoir/roles.sql
