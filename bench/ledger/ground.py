"""Where it happens: a Postgres of its own, durable as in production, with a database a state of the ledger."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from dev.database import database_urls
from dev.postgres import (
    DatabaseUrls,
    PostgresServer,
    create_database,
    grant_application,
    running_postgres,
)
from dev.postgres_home import remove_home
from ledger.migrate import upgrade


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A running server and its databases."""

    server: PostgresServer

    def fresh(self, name: str) -> DatabaseUrls:
        """Make a migrated database with nothing in it, whatever was there under its name."""
        self.drop(name)
        urls = create_database(self.server, name)
        upgrade(urls.owner_url)
        grant_application(self.server)
        return urls

    def kept(self, name: str) -> DatabaseUrls | None:
        """Give a database that an earlier run left."""
        with self._superuser() as connection:
            exists = "SELECT 1 FROM pg_database WHERE datname = %s"
            found = connection.execute(exists, [name]).fetchone()
        return database_urls(self.server, name) if found else None

    def rename(self, name: str, new_name: str) -> DatabaseUrls:
        """Give a database its name once it is whole."""
        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        with self._superuser() as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(new_name)))
        return database_urls(self.server, new_name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        with self._superuser() as connection:
            connection.execute(statement.format(sql.Identifier(name)))

    def megabytes(self, name: str) -> int:
        """Tell how large a database is on disk."""
        with self._superuser() as connection:
            ((size,),) = connection.execute("SELECT pg_database_size(%s)", [name]).fetchall()
        return int(size) // 1_000_000

    def version(self) -> str:
        """Tell the server's version."""
        with self._superuser() as connection:
            ((version,),) = connection.execute("SHOW server_version").fetchall()
        return str(version)

    def _superuser(self) -> psycopg.Connection:
        return psycopg.connect(self.server.superuser_url, autocommit=True, sslmode="disable")


@contextmanager
def ground(keep: Path | None) -> Iterator[Ground]:
    """Run a server for the time of a block, in `keep` or in a place that is gone afterwards.

    Raises dev.errors.DevError.
    """
    directory = keep or Path(tempfile.mkdtemp(prefix="onhand-bench-"))
    try:
        with running_postgres(directory) as server:
            yield Ground(server=server)
    finally:
        if keep is None:
            remove_home(directory)
            shutil.rmtree(directory, ignore_errors=True)


def refilled(owner_url: str, least: int) -> None:
    """Let everything wait again. Raises ValueError where that is less than wanted."""
    with psycopg.connect(owner_url, autocommit=True, sslmode="disable") as connection:
        connection.execute("UPDATE outbox SET published_at = NULL WHERE published_at IS NOT NULL")
        connection.execute("VACUUM (ANALYZE) outbox")
        ((waiting,),) = connection.execute("SELECT count(*) FROM outbox").fetchall()
    if waiting < least:
        message = f"{waiting} events are too few for a round: {least} were wanted"
        raise ValueError(message)
