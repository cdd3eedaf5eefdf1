"""How far each row of the ledger was counted: without a gap, so that a sum counts every change once.

What was counted is passed over, what comes next is counted, and where something is missing between, the
ledger's own entries are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.transactions import in_transaction, rows_of
from projections.changes import ENTRY, Change, Row, UncountableError, completed, of_entry
from projections.projection import Told

AT_ONCE = 5_000
"""Changes that are counted together: what a fold keeps in memory, however long a gap or a ledger is."""

Count = Callable[[AsyncConnection, int, Sequence[Change]], Awaitable[None]]
"""Counts changes into a generation. Those of a row come in their order, each once."""

_BETWEEN = text(f"""
SELECT {ENTRY}
FROM movement
WHERE sku = :sku AND location = :location AND sequence > :after AND sequence <= :through
ORDER BY sequence
LIMIT :most
""")  # noqa: S608 - the columns are a constant of ours

_FOLLOWING = text(f"""
SELECT {ENTRY}
FROM movement
WHERE (sku, location, sequence) > (:sku, :location, :sequence)
ORDER BY sku, location, sequence
LIMIT :most
""")  # noqa: S608 - the same

# About, and at once: it is for whoever looks on.
_ENTRIES = text("""
SELECT greatest(reltuples, 0)::bigint AS entries FROM pg_class WHERE oid = 'movement'::regclass
""")


class Watermarks:
    """The watermarks of one noticeboard, in a table of its own."""

    def __init__(self, table: str) -> None:
        # Locked in the order of their names, all of a batch in one statement: whoever else counts into the
        # same rows waits at the first of them, and never crosswise.
        self._lock = text(f"""
INSERT INTO projections.{table} AS w (generation, sku, location, sequence)
SELECT :generation, sku, location, 0
FROM json_to_recordset(:rows) AS r(sku text, location text)
ORDER BY sku COLLATE "C", location COLLATE "C"
ON CONFLICT (generation, sku, location) DO UPDATE SET sequence = w.sequence
RETURNING sku, location, sequence
""")  # noqa: S608 - the table's name is a constant of ours
        self._move = text(f"""
INSERT INTO projections.{table} (generation, sku, location, sequence)
SELECT :generation, sku, location, sequence
FROM json_to_recordset(:rows) AS r(sku text, location text, sequence bigint)
ON CONFLICT (generation, sku, location) DO UPDATE SET sequence = excluded.sequence
""")  # noqa: S608 - the same

    async def heed(
        self, connection: AsyncConnection, generation: int, changes: Sequence[Change], count: Count
    ) -> None:
        """Count what of these was not counted yet, and what is missing before it.

        Raises UncountableError where the ledger has no entry that a later event speaks of.
        """
        by_row: dict[Row, dict[int, Change]] = {}
        for change in changes:
            by_row.setdefault(change.row, {})[change.sequence] = change
        if not by_row:
            return
        marks = await self._locked(connection, generation, sorted(by_row))
        counting = _Counting(connection, generation, count)
        last: dict[Row, int] = {}
        for row, mark in sorted(marks.items()):
            told = by_row[row]
            through = max(told)
            if through <= mark:
                continue
            last[row] = through
            following = range(mark + 1, through + 1)
            if len(told) >= len(following) and all(sequence in told for sequence in following):
                await counting.add([told[sequence] for sequence in following])
            else:
                await _fill_gap(counting, told[through], mark)
        await counting.flush()
        await self._moved(connection, generation, last)

    async def fill(self, engine: AsyncEngine, generation: int, told: Told, count: Count) -> None:
        """Count every entry of the ledger, in the order of their keys, some thousand a transaction.

        Each is a moment of its own, so that nothing keeps an old one alive: what is written behind a page comes
        as an event, and the watermark knows what was counted. Raises Transient, UncountableError.
        """
        (counted,) = await rows_of(engine, _ENTRIES)
        entries: int = counted["entries"]
        at: dict[str, Any] = {"sku": "", "location": "", "sequence": 0}
        done = 0

        async def page(connection: AsyncConnection) -> list[Change]:
            found = await connection.execute(_FOLLOWING, {**at, "most": AT_ONCE})
            changes = await completed(connection, [of_entry(row) for row in found.mappings()])
            if changes:
                await count(connection, generation, changes)
                await self._moved(
                    connection, generation, {change.row: change.sequence for change in changes}
                )
            return changes

        while changes := await in_transaction(engine, page):
            last = changes[-1]
            at = {"sku": last.sku, "location": last.location, "sequence": last.sequence}
            done += len(changes)
            told(done, max(done, entries))

    async def _locked(
        self, connection: AsyncConnection, generation: int, rows: Sequence[Row]
    ) -> dict[Row, int]:
        asked = [{"sku": sku, "location": location} for sku, location in rows]
        found = await connection.execute(
            self._lock, {"generation": generation, "rows": as_rows(asked)}
        )
        return {(row.sku, row.location): row.sequence for row in found}

    async def _moved(
        self, connection: AsyncConnection, generation: int, last: Mapping[Row, int]
    ) -> None:
        rows = [
            {"sku": sku, "location": location, "sequence": sequence}
            for (sku, location), sequence in last.items()
        ]
        await store(connection, self._move, generation, rows)


@dataclass(slots=True)
class _Counting:
    """Gathers changes, so that they are counted in as few statements as memory allows."""

    connection: AsyncConnection
    generation: int
    count: Count
    waiting: list[Change] = field(default_factory=list)

    async def add(self, changes: Sequence[Change]) -> None:
        self.waiting += changes
        if len(self.waiting) >= AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        if self.waiting:
            changes = await completed(self.connection, self.waiting)
            self.waiting = []
            await self.count(self.connection, self.generation, changes)


async def _fill_gap(counting: _Counting, through: Change, mark: int) -> None:
    """Count a row's entries after the watermark from the ledger, as far as the batch has told of it."""
    while mark < through.sequence:
        found = await counting.connection.execute(
            _BETWEEN,
            {
                "sku": through.sku,
                "location": through.location,
                "after": mark,
                "through": through.sequence,
                "most": AT_ONCE,
            },
        )
        changes = [of_entry(row) for row in found.mappings()]
        if [change.sequence for change in changes] != list(
            range(mark + 1, mark + 1 + len(changes))
        ) or not changes:
            raise UncountableError("entry-missing", through)
        await counting.add(changes)
        mark = changes[-1].sequence


async def store(
    connection: AsyncConnection,
    statement: TextClause,
    generation: int,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Run a statement that takes `:generation` and `:rows`; without rows, nothing is to be done."""
    if rows:
        await connection.execute(statement, {"generation": generation, "rows": as_rows(rows)})


def as_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as Postgres unpacks them: one JSON array."""
    return orjson.dumps(rows).decode()
