#!/usr/bin/env bash
# For deploy/compose.yaml: the database, its owner and the roles of docs/roles.md, made with the data. The image runs this as
# its superuser, once.
set -euo pipefail

psql=(psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER")
"${psql[@]}" --set password="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE comptoir_owner LOGIN PASSWORD :'password';
CREATE DATABASE comptoir OWNER comptoir_owner;
SQL
"${psql[@]}" --dbname comptoir --set password="$POSTGRES_PASSWORD" --file /comptoir/roles.sql
