#!/bin/sh
# Brings Temporal's two databases to its server's schema. Where one is set up already it is only updated.
set -eu

prepare() {
  tool="temporal-sql-tool --plugin postgres12_pgx --ep $SQL_HOST -u $SQL_USER -p 5432 --db $1"
  versions="/etc/temporal/schema/postgresql/v12/$2/versioned"
  if ! $tool update-schema -d "$versions"; then
    $tool create
    $tool setup-schema -v 0.0
    $tool update-schema -d "$versions"
  fi
}

prepare temporal temporal
prepare temporal_visibility visibility
