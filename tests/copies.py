"""Databases for the tests: made before they are asked for, and made as new after each test, by a thread beside them.

To copy one takes longer than many a test. So one whose schema nobody changed is emptied, and comes again under
another name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, LiteralString, Self

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from dev.database import database_urls
from dev.postgres import PostgresServer
from tests.blank import Blank

AHEAD = 2


@dataclass(kw_only=True)
class Database:
    """One database, reached as each of the three who may log in.

    The superuser's connection stays open until the test is over: facts are read through it.
    """

    name: str
    owner_url: str
    application_url: str
    superuser_url: str
    _opened: ExitStack = field(default_factory=ExitStack)
    _connection: psycopg.Connection[TupleRow] | None = None

    @property
    def superuser(self) -> psycopg.Connection[TupleRow]:
        """A connection that may do everything, each statement its own transaction."""
        if self._connection is None:
            self._connection = self._opened.enter_context(
                psycopg.connect(self.superuser_url, autocommit=True)
            )
        return self._connection

    def rows(self, query: LiteralString, *parameters: Any) -> list[TupleRow]:
        """Read facts."""
        return self.superuser.execute(query, parameters).fetchall()

    def value(self, query: LiteralString, *parameters: Any) -> Any:
        """Read one fact."""
        ((only,),) = self.rows(query, *parameters)
        return only

    def run(self, statement: LiteralString, *parameters: Any) -> None:
        """Change the database behind everybody's back."""
        self.superuser.execute(statement, parameters)

    def close(self) -> None:
        """Let go of the connection, if there was one."""
        self._opened.close()
        self._connection = None


_THROW_OUT: LiteralString = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
)
_WAIT_UNTIL_GONE = sql.SQL("""
DO $$ BEGIN
  WHILE EXISTS (SELECT FROM pg_stat_activity WHERE datname = {}) LOOP
    PERFORM pg_sleep(0.002), pg_stat_clear_snapshot();
  END LOOP;
END $$
""")
"""To rename a database, or to drop it, Postgres itself looks every 100 ms."""

MakeDatabase = Callable[..., Database]
"""`make_database()` gives a migrated database, `make_database(empty=True)` one before any migration."""


class Copies:
    """Copies of a template, two of them always ready or under way."""

    def __init__(self, server: PostgresServer, template: str) -> None:
        self.server = server
        self.template = template
        self._opened = ExitStack()
        self._server = self._opened.enter_context(
            psycopg.connect(
                server.superuser_url, autocommit=True, options="-c statement_timeout=30s"
            )
        )
        self._numbers = count(1)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="copies")
        self._blank = self._thread.submit(lambda: Blank.of(self._url(template)))
        self._ready: deque[Future[str]] = deque()
        self._dropped: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until all is done that was begun. Raises psycopg.Error where something could not be."""
        self._thread.shutdown()
        self._opened.close()
        for made in self._ready:
            made.result()
        for dropped in self._dropped:
            dropped.result()

    @contextmanager
    def one(self, *, empty: bool = False) -> Iterator[Database]:
        """Give a database for the time of a block: migrated, or one before any migration."""
        name = self._create("template1") if empty else self._next()
        urls = database_urls(self.server, name)
        database = Database(
            name=name,
            owner_url=urls.owner_url,
            application_url=urls.application_url,
            superuser_url=self._url(name),
        )
        try:
            yield database
        finally:
            database.close()
            if empty:
                self._dropped.append(self._thread.submit(self._drop, name))
            else:
                self._ready.append(self._thread.submit(self._as_new, name))

    def _next(self) -> str:
        while len(self._ready) <= AHEAD:
            self._ready.append(self._thread.submit(self._create, self.template))
        return self._ready.popleft().result()

    def _create(self, template: str) -> str:
        name = self._new_name()
        self._run("CREATE DATABASE {} TEMPLATE {} OWNER onhand_owner", name, template)
        return name

    def _as_new(self, name: str) -> str:
        """Empty it, or drop it and make another; whoever is still connected is thrown out.

        Whoever comes back later does not find it: it has a name that nobody knows.
        """
        self._server.execute(_THROW_OUT, [name])
        self._server.execute(_WAIT_UNTIL_GONE.format(sql.Literal(name)))
        renamed = self._new_name()
        self._run("ALTER DATABASE {} RENAME TO {}", name, renamed)
        if self._blank.result().made_of(self._url(renamed)):
            return renamed
        self._drop(renamed)
        return self._create(self.template)

    def _drop(self, name: str) -> None:
        """Whoever is still connected is thrown out."""
        self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _run(self, statement: LiteralString, *names: str) -> None:
        identifiers = [sql.Identifier(name) for name in names]
        self._server.execute(sql.SQL(statement).format(*identifiers))

    def _url(self, name: str) -> str:
        return self.server.superuser_url.rpartition("/")[0] + f"/{name}"

    def _new_name(self) -> str:
        return f"shop_{next(self._numbers)}"
