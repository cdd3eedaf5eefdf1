"""Asks the database every promise of `ledger.invariants` that reading the history does not prove."""

from __future__ import annotations

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow, dict_row

from ledger.examining.chains import PROVED
from ledger.examining.findings import Findings
from ledger.examining.words import promise_finding
from ledger.invariants import Invariant, load

COUNTED = 1_000
"""Rows that are counted of a broken promise; then it is "at least"."""

TOLD = 5
"""Rows that are told in full."""


def promises_to_ask() -> list[Invariant]:
    """List those that the history's own reading leaves open."""
    return [each for each in load().values() if number(each) not in PROVED]


def number(invariant: Invariant) -> str:
    """Give the short name: I38."""
    return invariant.name.partition("_")[0]


def ask(connection: psycopg.Connection[TupleRow], invariant: Invariant, found: Findings) -> None:
    """Ask one, and tell of what breaks it.

    MATERIALIZED: a LIMIT on the query itself makes Postgres plan for the first rows to come soon,
    where there are none and all of the history has to be read.
    """
    limited = sql.SQL("WITH broken AS MATERIALIZED (\n{}\n) SELECT * FROM broken LIMIT {}")
    promise = sql.SQL(invariant.sql)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(limited.format(promise, COUNTED + 1)).fetchall()
    if not rows:
        return
    more = len(rows) > COUNTED
    count = f"at least {COUNTED:,} rows" if more else f"{len(rows):,} row{'s' * (len(rows) > 1)}"
    found.add(promise_finding(number(invariant), invariant.promise, rows[:TOLD], count))
