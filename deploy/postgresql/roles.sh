#!/bin/sh
# The role that serves, once, by an owner of the database. `gateway migrate` gives it rows (DATABASE_SERVING_ROLE), and no tables:
# only the owner, by whom migrations run, changes those.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set password="$SERVING_PASSWORD" <<'SQL'
CREATE ROLE drop_serving LOGIN PASSWORD :'password';
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SQL
