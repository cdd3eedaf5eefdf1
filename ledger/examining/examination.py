"""One examination of the whole ledger: the chains first, then the promises, all of one moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy.exc import ArgumentError

from ledger.database import snapshot
from ledger.examining.chains import ChainExaminer
from ledger.examining.findings import Findings
from ledger.examining.heads import Heads, HeadsUnreadable, HeadsWriter, no_heads, read_heads
from ledger.examining.history import entries, expected_entries
from ledger.examining.promises import ask, number, promises_to_ask
from ledger.migrate import head

EVERY = 10_000
"""Entries between two words about how far it is."""

Watch = Callable[[str, int, int], None]
"""Told what is being looked at, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was looked at, and what was found."""

    found: Findings
    taken_at: str
    schema: str
    movements: int
    chains: int
    promises: int
    heads_verified: int
    heads_exported: int | None

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.found.total


class CouldNotLook(Exception):
    """Nothing is known: the database, its schema or the file of heads is not what it must be to look at it."""


def look(
    database_url: str, watch: Watch, *, heads: TextIO | None = None, export: TextIO | None = None
) -> Examination:
    """Examine the ledger at this address, and hold it against the heads in a file.

    Raises CouldNotLook, with a sentence.
    """
    try:
        kept = read_heads(heads) if heads else None
        with snapshot(database_url, name="onhand-doctor") as connection:
            _refuse_another_schema(connection)
            return examine(connection, watch, heads=kept, export=export)
    except HeadsUnreadable as error:
        message = f"The file of chain heads cannot be used: {error}."
        raise CouldNotLook(message) from error
    except (psycopg.Error, ArgumentError) as error:
        words = str(error).strip().partition("\n")[0]
        message = f"The database could not be looked at: {words}."
        raise CouldNotLook(message) from error


def _refuse_another_schema(connection: psycopg.Connection[TupleRow]) -> None:
    try:
        with connection.transaction():
            _, schema = _moment(connection)
    except psycopg.errors.UndefinedTable:
        schema = "none"
    if schema != head():
        message = (
            f"The schema is at {schema}, and this version knows {head()}: "
            "run `onhand migrate`, or the doctor of the version that is deployed."
        )
        raise CouldNotLook(message)


def examine(
    connection: psycopg.Connection[TupleRow],
    watch: Watch,
    *,
    heads: Heads | None = None,
    export: TextIO | None = None,
) -> Examination:
    """Look at everything that this connection's transaction sees.

    Heads are exported of whole chains only; what is exported of a ledger with findings is of no use.

    Raises psycopg.Error where it cannot look, and HeadsUnreadable where the heads end in the middle.
    """
    found, heads = Findings(), heads or no_heads()
    taken_at, schema = _moment(connection)
    writer = HeadsWriter(export, taken_at=taken_at, schema=schema) if export else None
    total = expected_entries(connection)
    examiner = ChainExaminer(found, heads, writer.write if writer else None)
    examiner.read(entries(connection), EVERY, lambda done: watch("history", done, total))
    watch("history", examiner.movements, examiner.movements)
    if writer:
        writer.end()
    asked = promises_to_ask()
    for place, invariant in enumerate(asked):
        watch(f"promise {number(invariant)}", place, len(asked))
        ask(connection, invariant, found)
    watch("promises", len(asked), len(asked))
    return Examination(
        found=found,
        taken_at=taken_at,
        schema=schema,
        movements=examiner.movements,
        chains=examiner.chains,
        promises=len(asked),
        heads_verified=heads.verified,
        heads_exported=writer.written if writer else None,
    )


def _moment(connection: psycopg.Connection[TupleRow]) -> tuple[str, str]:
    row = connection.execute(
        "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
        " (SELECT version_num FROM alembic_version)"
    ).fetchone()
    assert row is not None
    return row[0], row[1]
