"""How a noticeboard is held against the ledger: questions whose answers are what differs, all of one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projections.projection import Comparison

MOST = 100
"""Differences that are told: more of them say no more."""

# Whoever reads everything takes as long as it takes, in whatever way is best for it.
_PATIENTLY = text("""
SELECT set_config(name, value, true)
FROM (VALUES ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('enable_seqscan', 'on'),
             ('enable_hashjoin', 'on'), ('enable_mergejoin', 'on')) AS s (name, value)
""")


@dataclass(frozen=True, slots=True)
class Check:
    """A question that finds what differs in a `:generation`, and how a found row is told."""

    statement: TextClause
    sentence: str


def check(statement: str, sentence: str) -> Check:
    """Ask for what differs; the sentence names columns of the answer in braces."""
    return Check(text(f"{statement}\nLIMIT {MOST}"), sentence)


def checks_of_watermarks(table: str) -> tuple[Check, ...]:
    """Hold the watermarks themselves against the ledger: none ahead of it, and none forgotten.

    A row of stock that was begun before the generation was is in it, or put aside, which is told elsewhere; a later
    one may still be on its way.
    """
    ahead = f"""
SELECT w.sku, w.location, w.sequence
FROM projections.{table} w
LEFT JOIN movement m ON m.sku = w.sku AND m.location = w.location AND m.sequence = w.sequence
WHERE w.generation = :generation AND m.sequence IS NULL"""  # noqa: S608 - a constant of ours
    forgotten = f"""
SELECT m.sku, m.location
FROM movement m
JOIN projections.generation g ON g.generation = :generation AND g.projection = split_part('{table}', '_', 1)
LEFT JOIN projections.{table} w
  ON w.generation = :generation AND w.sku = m.sku AND w.location = m.location
WHERE m.sequence = 1 AND w.sku IS NULL
  AND m.recorded_at < g.started_at - interval '1 minute'
  AND NOT EXISTS (
    SELECT FROM projections.dead_letter d
    WHERE d.projection = g.projection AND d.generation = g.generation AND d.state = 'open'
      AND d.subject = m.sku || '/' || m.location)"""  # noqa: S608 - the same
    return (
        check(
            ahead,
            "{sku} at {location} was counted up to entry {sequence}, which the ledger has not",
        ),
        check(forgotten, "{sku} at {location} was never counted"),
    )


async def compared(
    engine: AsyncEngine, generation: int, entries: Sequence[str], checks: Sequence[Check]
) -> Comparison:
    """Ask all of it in one snapshot. `entries` are the tables whose rows were looked at."""
    asking = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    async with asking.begin() as connection:
        await connection.execute(_PATIENTLY)
        counted = [await _count(connection, table, generation) for table in entries]
        differences = [
            each.sentence.format(**row)
            for each in checks
            for row in await _found(connection, each, generation)
        ]
    return Comparison(entries=sum(counted), differences=tuple(differences[:MOST]))


async def _found(
    connection: AsyncConnection, asked: Check, generation: int
) -> Sequence[Mapping[str, Any]]:
    found = await connection.execute(asked.statement, {"generation": generation})
    return [dict(row) for row in found.mappings()]


async def _count(connection: AsyncConnection, table: str, generation: int) -> int:
    counted = text(f"SELECT count(*) FROM projections.{table} WHERE generation = :generation")  # noqa: S608 - a constant of ours
    return int((await connection.execute(counted, {"generation": generation})).scalar_one())
