"""The statements of a post, run by the driver itself inside a transaction that SQLAlchemy began and ends.

The pool, the transaction and its end stay SQLAlchemy's. Only what happens a dozen times a post goes past it:
a statement costs a quarter of the Python so (measured in docs/bench.md), and there the writer's time goes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

_DIALECT = dialect()  # type: ignore[no-untyped-call]
_NOTHING = text("SELECT")


class Found:
    """What a statement gave: rows with named fields."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> Sequence[Any]:
        """Give all rows."""
        return self._rows

    def mappings(self) -> Iterator[dict[str, Any]]:
        """Give each row as a mapping."""
        return (row._asdict() for row in self._rows)

    def scalars(self) -> Iterator[Any]:
        """Give the first field of each row."""
        return (row[0] for row in self._rows)


class Statements:
    """Runs statements on a connection's own cursor, as part of whatever transaction is open there."""

    def __init__(self, connection: AsyncConnection, cursor: psycopg.AsyncCursor[Any]) -> None:
        self._connection = connection
        self._cursor = cursor

    @classmethod
    async def on(cls, connection: AsyncConnection) -> Statements:
        """Take a connection in its transaction; one is begun where none is, and never ended here."""
        if not connection.in_transaction():
            await connection.begin()
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        return cls(connection, driver.cursor(row_factory=namedtuple_row))

    async def execute(
        self, statement: TextClause, parameters: Mapping[str, Any] | None = None
    ) -> Found:
        """Run one statement and give its rows. Raises DBAPIError, as SQLAlchemy's own connection does."""
        async with self._errors_of_sqlalchemy():
            await self._cursor.execute(_written(statement), parameters or {})
        return Found(await self._cursor.fetchall() if self._cursor.description else ())

    async def execute_together(
        self, statements: Iterable[tuple[TextClause, Mapping[str, Any]]]
    ) -> None:
        """Run statements whose rows nobody reads: each is sent before the one before it has answered.

        Raises DBAPIError for the first that fails; those after it have done nothing.
        """
        async with self._errors_of_sqlalchemy(), self._cursor.connection.pipeline():
            for statement, parameters in statements:
                await self._cursor.execute(_written(statement), parameters)

    @asynccontextmanager
    async def _errors_of_sqlalchemy(self) -> AsyncIterator[None]:
        try:
            yield
        except psycopg.Error as error:
            if self._cursor.connection.closed:
                # The pool learns from SQLAlchemy alone that its connections are dead: it must meet one.
                await self._connection.execute(_NOTHING)
            raise DBAPIError.instance(
                None, None, error, psycopg.Error, hide_parameters=True, dialect=_DIALECT
            ) from error


@lru_cache(maxsize=512)
def _written(statement: TextClause) -> str:
    return str(statement.compile(dialect=_DIALECT))
