"""What a migrated database is before anybody has used it, and how one that was used is made so again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString, Self

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

LARGEST_BYTES = 16 * 1024 * 1024
"""Emptied tables keep their pages: beyond that, a copy is cheaper to work with. A new one has nine."""

_CATALOGS: Sequence[LiteralString] = (
    "pg_attrdef",
    "pg_attribute",
    "pg_class",
    "pg_constraint",
    "pg_default_acl",
    "pg_event_trigger",
    "pg_extension",
    "pg_index",
    "pg_namespace",
    "pg_policy",
    "pg_proc",
    "pg_publication",
    "pg_rewrite",
    "pg_sequence",
    "pg_statistic",
    "pg_statistic_ext",
    "pg_type",
)
_SCHEMA = sql.SQL(" UNION ALL ").join(
    sql.SQL("SELECT {}, count(*), max(xmin::text::bigint) FROM {}").format(
        sql.Literal(catalog), sql.Identifier(catalog)
    )
    for catalog in _CATALOGS
)
"""A row that was added or changed has a later transaction than all before; one that is gone is not counted."""
_TRIGGERS: LiteralString = "SELECT t::text FROM pg_trigger AS t ORDER BY 1"
"""As they stand: to empty a table its own are put out of force for a moment."""
_SETTINGS: LiteralString = """
SELECT datallowconn, datconnlimit, datacl::text,
  (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = pg_database.oid)
FROM pg_database WHERE datname = current_database()
"""
_TABLES: LiteralString = """
SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""
_GUARDS: LiteralString = """
SELECT tgrelid::regclass::text, tgname FROM pg_trigger
WHERE tgenabled = 'A' AND tgtype & 8 <> 0 AND tgparentid = 0
"""
"""What refuses that a row be deleted, even to whoever replicates."""
_RESTART: LiteralString = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE last_value IS NOT NULL
"""
_DISABLE = sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}")
_DELETE = sql.SQL("DELETE FROM {}")
_ENABLE = sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}")

Connection = psycopg.Connection[TupleRow]


@dataclass(frozen=True)
class Blank:
    """A template's schema, and the few rows in it."""

    schema: Sequence[TupleRow]
    triggers: Sequence[TupleRow]
    settings: Sequence[TupleRow]
    emptying: sql.Composed
    rows: Sequence[tuple[sql.Identifier, bytes]]

    @classmethod
    def of(cls, url: str) -> Self:
        """Learn it from the template, as the superuser."""
        with psycopg.connect(url, autocommit=True) as connection:
            tables = [sql.Identifier(*name) for name in connection.execute(_TABLES).fetchall()]
            rows = [(table, _copied(connection, table)) for table in tables]
            guards = [
                (sql.SQL(table), sql.Identifier(name))
                for table, name in connection.execute(_GUARDS).fetchall()
            ]
            lift = [_DISABLE.format(*guard) for guard in guards]
            empty = [_DELETE.format(table) for table in tables]
            guard = [_ENABLE.format(*guard) for guard in guards]
            return cls(
                schema=connection.execute(_SCHEMA).fetchall(),
                triggers=connection.execute(_TRIGGERS).fetchall(),
                settings=connection.execute(_SETTINGS).fetchall(),
                emptying=sql.SQL("; ").join([*lift, *empty, *guard]),
                rows=[(table, copied) for table, copied in rows if copied],
            )

    def made_of(self, url: str) -> bool:
        """Make a copy that nobody is connected to as the template is; not where its schema was changed."""
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                if not self._is_schema_of(connection):
                    return False
                with connection.transaction():
                    connection.execute("SET LOCAL session_replication_role = replica")
                    connection.execute(self.emptying)
                    for table, copied in self.rows:
                        _paste(connection, table, copied)
                    connection.execute(_RESTART)
        except psycopg.Error:  # It is gone, or lets nobody in.
            return False
        return True

    def _is_schema_of(self, connection: Connection) -> bool:
        is_small = "SELECT pg_database_size(current_database()) < %s"
        return (
            connection.execute(is_small, [LARGEST_BYTES]).fetchone() == (True,)
            and connection.execute(_SETTINGS).fetchall() == self.settings
            and connection.execute(_SCHEMA).fetchall() == self.schema
            and connection.execute(_TRIGGERS).fetchall() == self.triggers
        )


def _copied(connection: Connection, table: sql.Identifier) -> bytes:
    statement = sql.SQL("COPY {} TO STDOUT").format(table)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        return b"".join(bytes(part) for part in copy)


def _paste(connection: Connection, table: sql.Identifier, copied: bytes) -> None:
    statement = sql.SQL("COPY {} FROM STDIN").format(table)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(copied)
