"""How far each row of the ledger was counted: without a gap, so that a sum counts every change once.

What was counted is passed over, what comes next is counted, and where something is missing between, the
ledger's own entries are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.transactions import in_transaction, rows_of
from projections.changes import (
    ENTRY,
    Change,
    Entry,
    Row,
    UncountableError,
    completed,
    of_entry,
    require_next,
)
from projections.dead_letters import DeadLetter, DeadLetters, of_a_filling, reason_of
from projections.generations import held
from projections.projection import Told, UnfilledError

AT_ONCE = 5_000
"""Changes that are counted together: what a fold keeps in memory, however long a gap or a ledger is."""

MOST_ASIDE = 1_000
"""Rows that a filling puts aside: what comes to more is no matter of rows, and nobody looks at so many letters."""

_OF_A_ROW = (UncountableError, DataError, IntegrityError)
"""What a row may be to blame for: it does not add up, or what it comes to is more than may be kept."""

Count = Callable[[AsyncConnection, int, Sequence[Change]], Awaitable[None]]
"""Counts changes into a generation. Those of a row come in their order, each once."""

_BETWEEN = text(f"""
SELECT {ENTRY}
FROM movement
WHERE sku = :sku AND location = :location AND sequence >= :mark AND sequence <= :through
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

_LAST = text("""
SELECT max(sequence) FROM movement WHERE sku = :sku AND location = :location
""")

# About, and at once: it is for whoever looks on.
_ENTRIES = text("""
SELECT greatest(reltuples, 0)::bigint AS entries FROM pg_class WHERE oid = 'movement'::regclass
""")


class Watermarks:
    """The watermarks of one noticeboard, in a table of its own."""

    def __init__(self, projection: str, table: str) -> None:
        self.projection = projection
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
                await _fill_gap(counting, row, mark=mark, through=through)
        await counting.flush()
        await self._moved(connection, generation, last)

    async def fill(self, engine: AsyncEngine, generation: int, told: Told, count: Count) -> None:
        """Count every entry of the ledger, in the order of their keys, some thousand a transaction.

        Each is a moment of its own, so that nothing keeps an old one alive: what is written behind a page comes
        as an event, and the watermark knows what was counted. A row with an entry that cannot be counted is
        counted up to there, and put aside.

        Raises UnfilledError where that comes to every row of several, or too many; Transient, and whatever no row is to
        blame for.
        """
        (counted,) = await rows_of(engine, _ENTRIES)
        entries: int = counted["entries"]
        at: dict[str, Any] = {"sku": "", "location": "", "sequence": 0}
        done = 0

        async def counts(changes: Sequence[Change]) -> None:
            async def page(connection: AsyncConnection) -> None:
                complete = await completed(connection, changes)
                await count(connection, generation, complete)
                last = {change.row: change.sequence for change in complete}
                await self._moved(connection, generation, last)

            await in_transaction(engine, page)

        filling = _Filling(self.projection, generation, counts)
        while found := await rows_of(engine, _FOLLOWING, **at, most=AT_ONCE):
            await filling.take([dict(entry) for entry in found])
            at = {name: found[-1][name] for name in at}
            done += len(found)
            told(done, max(done, entries))
        if letters := filling.put_aside():
            await DeadLetters(engine).put(letters)

    async def mend(self, engine: AsyncEngine, generation: int, row: Row, count: Count) -> None:
        """Count the rest of a row from the ledger, in one transaction.

        Raises UncountableError where it still cannot be, Transient, and SQLAlchemy's errors.
        """
        sku, location = row

        async def count_on(connection: AsyncConnection) -> None:
            await held(connection, self.projection, generation)
            mark = (await self._locked(connection, generation, [row]))[row]
            found = await connection.execute(_LAST, {"sku": sku, "location": location})
            through = found.scalar_one() or 0
            if through > mark:
                counting = _Counting(connection, generation, count)
                await _fill_gap(counting, row, mark=mark, through=through)
                await counting.flush()
                await self._moved(connection, generation, {row: through})

        await in_transaction(engine, count_on)

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


@dataclass(slots=True)
class _Filling:
    """Takes the ledger's entries in the order of their keys, and finds out which cannot be counted."""

    projection: str
    generation: int
    count: Callable[[Sequence[Change]], Awaitable[None]]
    """Counts changes in one transaction."""
    before: Entry | None = None
    """The last that was counted."""
    stuck: Row | None = None
    """The row of which nothing more is counted."""
    met: Row | None = None
    rows: int = 0
    aside: list[DeadLetter] = field(default_factory=list)

    async def take(self, entries: Sequence[Entry]) -> None:
        """Count a page. Raises UnfilledError where too much is put aside, and what no row is to blame for."""
        for entry in entries:
            if _row_of(entry) != self.met:
                self.met = _row_of(entry)
                self.rows += 1
        await self._count(entries)

    def put_aside(self) -> Sequence[DeadLetter]:
        """Give what was put aside, all having been taken. Raises UnfilledError where that is every row of several."""
        if len(self.aside) == self.rows > 1:
            raise self._given_up()
        return self.aside

    async def _count(self, entries: Sequence[Entry]) -> None:
        """Count all of these at once, or where that fails one half and then the other."""
        waiting = [entry for entry in entries if _row_of(entry) != self.stuck]
        if not waiting:
            return
        try:
            await self.count(list(_in_order(waiting, self.before)))
        except _OF_A_ROW as error:
            if len(waiting) == 1:
                self._put_aside(waiting[0], reason_of(error))
                return
            half = len(waiting) // 2
            await self._count(waiting[:half])
            await self._count(waiting[half:])
        else:
            self.before = waiting[-1]

    def _put_aside(self, entry: Entry, code: str) -> None:
        self.stuck = _row_of(entry)
        letter = of_a_filling(
            self.projection,
            self.generation,
            len(self.aside) + 1,
            subject="/".join(self.stuck),
            code=code,
            entry=orjson.dumps(dict(entry)),
        )
        self.aside.append(letter)
        if len(self.aside) > MOST_ASIDE:
            raise self._given_up()

    def _given_up(self) -> UnfilledError:
        codes = sorted({letter.code for letter in self.aside})
        return UnfilledError(len(self.aside), self.rows, codes)


def _row_of(entry: Entry) -> Row:
    return entry["sku"], entry["location"]


def _in_order(entries: Sequence[Entry], before: Entry | None) -> Iterator[Change]:
    """Read entries, each of which must follow the one before it of its row."""
    for entry in entries:
        same = before is not None and _row_of(before) == _row_of(entry)
        require_next(entry, before if same else None)
        yield of_entry(entry)
        before = entry


async def _fill_gap(counting: _Counting, row: Row, *, mark: int, through: int) -> None:
    """Count a row's entries after the watermark from the ledger, as far as the batch has told of it."""
    sku, location = row
    while mark < through:
        asked = {"sku": sku, "location": location, "mark": mark, "through": through}
        found = await counting.connection.execute(_BETWEEN, {**asked, "most": AT_ONCE})
        entries: list[Entry] = [dict(entry) for entry in found.mappings()]
        before = entries.pop(0) if entries and entries[0]["sequence"] == mark else None
        if not entries:
            raise UncountableError("entry-missing", f"{sku}/{location}/{mark + 1}")
        await counting.add(list(_in_order(entries, before)))
        mark = entries[-1]["sequence"]


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
