#!/bin/sh
# Makes the ledger's database and its two logins: one may change the schema, the other runs the shop.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
  -v owner="$ONHAND_OWNER_PASSWORD" -v application="$ONHAND_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE onhand_application NOLOGIN;
CREATE ROLE onhand_owner LOGIN CREATEROLE PASSWORD :'owner';
CREATE ROLE onhand LOGIN PASSWORD :'application' IN ROLE onhand_application;
GRANT onhand_application TO onhand_owner WITH ADMIN OPTION;
CREATE DATABASE onhand OWNER onhand_owner;
SQL
