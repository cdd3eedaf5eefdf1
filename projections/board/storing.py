"""The board's rows: read before changes are added to them, and stored as they are then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projections.board.fold import (
    Additions,
    Task,
    TaskKey,
    TransferKey,
    Waiting,
    added,
    tasks_of,
)
from projections.changes import Change, Row, UncountableError
from projections.watermarks import as_rows, store

TABLES = ("board_task", "board_transfer", "board_watermark")
WATERMARKS = "board_watermark"

_TASKS = text("""
SELECT t.sku, t.location, t.task, t.id, t.quantity, t.since
FROM json_to_recordset(:rows) AS r(sku text, location text, task text, id text)
JOIN projections.board_task t
  ON t.generation = :generation AND t.sku = r.sku AND t.location = r.location AND t.task = r.task AND t.id = r.id
""")

_STORE_TASKS = text("""
INSERT INTO projections.board_task (generation, sku, location, task, id, quantity, since)
SELECT :generation, sku, location, task, id, quantity, since
FROM json_to_recordset(:rows) AS r(sku text, location text, task text, id text, quantity bigint, since timestamptz)
ON CONFLICT (generation, sku, location, task, id) DO UPDATE
SET quantity = excluded.quantity, since = excluded.since
""")

_DONE_TASKS = text("""
DELETE FROM projections.board_task t
USING json_to_recordset(:rows) AS r(sku text, location text, task text, id text)
WHERE t.generation = :generation AND t.sku = r.sku AND t.location = r.location AND t.task = r.task AND t.id = r.id
""")

# A transfer's row is changed by two rows of stock, so their watermarks do not guard it: what is there is
# locked, in order, before anything else of it is done.
_LOCK_TRANSFERS = text("""
SELECT b.transfer_id, b.sku
FROM projections.board_transfer b
WHERE b.generation = :generation AND (
  (b.transfer_id, b.sku) IN (SELECT r.transfer_id, r.sku FROM json_to_recordset(:rows) AS r(transfer_id text, sku text))
  OR (b.sku, b.source) IN (SELECT r.sku, r.location FROM json_to_recordset(:lost) AS r(sku text, location text)))
ORDER BY b.transfer_id, b.sku
FOR UPDATE
""")

# An event says where something left or arrived; between which places it travels, the transfer does.
_STORE_TRANSFERS = text("""
INSERT INTO projections.board_transfer AS b (generation, transfer_id, sku, source, target, sent, received, lost, since)
SELECT :generation, r.transfer_id, r.sku, t.source, t.target, r.sent, r.received, 0, r.since
FROM json_to_recordset(:rows) AS r(transfer_id text, sku text, sent bigint, received bigint, since timestamptz)
JOIN transfer t ON t.transfer_id = r.transfer_id
ORDER BY r.transfer_id COLLATE "C", r.sku COLLATE "C"
ON CONFLICT (generation, transfer_id, sku) DO UPDATE
SET sent = b.sent + excluded.sent, received = b.received + excluded.received, since = COALESCE(b.since, excluded.since)
RETURNING b.transfer_id
""")

# A loss is booked on the transfers that travelled from there at that moment, oldest name first; an event
# does not say which. The ledger's own lines do, and they only ever grow.
_LOST = text("""
UPDATE projections.board_transfer b
SET lost = l.lost
FROM json_to_recordset(:rows) AS r(sku text, location text), transfer_line l
WHERE b.generation = :generation AND b.sku = r.sku AND b.source = r.location
  AND l.transfer_id = b.transfer_id AND l.sku = b.sku AND l.lost > b.lost
""")

_ENDED = text("""
DELETE FROM projections.board_transfer b
WHERE b.generation = :generation AND b.since IS NOT NULL AND b.sent = b.received + b.lost
  AND (
    (b.transfer_id, b.sku) IN (
      SELECT r.transfer_id, r.sku FROM json_to_recordset(:rows) AS r(transfer_id text, sku text))
    OR (b.sku, b.source) IN (SELECT r.sku, r.location FROM json_to_recordset(:lost) AS r(sku text, location text)))
""")


async def count(connection: AsyncConnection, generation: int, changes: Sequence[Change]) -> None:
    """Add changes to the board. Their rows' watermarks are locked, and nobody else counts these."""
    before = await _waiting(connection, generation, tasks_of(changes))
    additions = added(changes, before)
    await _store_tasks(connection, generation, before, additions)
    if additions.transfers or additions.lost:
        await _store_transfers(connection, generation, additions)


async def _waiting(
    connection: AsyncConnection, generation: int, keys: Iterable[TaskKey]
) -> dict[TaskKey, Waiting]:
    asked = [_task(key) for key in keys]
    if not asked:
        return {}
    found = await connection.execute(_TASKS, {"generation": generation, "rows": as_rows(asked)})
    return {
        (row.sku, row.location, Task(row.task), row.id): Waiting(row.quantity, row.since)
        for row in found
    }


async def _store_tasks(
    connection: AsyncConnection,
    generation: int,
    before: Mapping[TaskKey, Waiting],
    additions: Additions,
) -> None:
    done = [
        _task(key) for key, waiting in additions.tasks.items() if waiting is None and key in before
    ]
    left = [
        {**_task(key), "quantity": waiting.quantity, "since": waiting.since}
        for key, waiting in additions.tasks.items()
        if waiting is not None and waiting != before.get(key)
    ]
    await store(connection, _DONE_TASKS, generation, done)
    await store(connection, _STORE_TASKS, generation, left)


async def _store_transfers(
    connection: AsyncConnection, generation: int, additions: Additions
) -> None:
    rows = [
        {
            **_transfer(key),
            "sent": travelling.sent,
            "received": travelling.received,
            "since": travelling.since,
        }
        for key, travelling in additions.transfers.items()
    ]
    lost = [_row(row) for row in additions.lost]
    touched = {"generation": generation, "rows": as_rows(rows), "lost": as_rows(lost)}
    await connection.execute(_LOCK_TRANSFERS, touched)
    if rows:
        stored = await connection.execute(_STORE_TRANSFERS, touched)
        if len(stored.all()) < len(rows):
            names = ", ".join(sorted("/".join(key) for key in additions.transfers))
            raise UncountableError("transfer-unknown", names)
    await store(connection, _LOST, generation, lost)
    await connection.execute(_ENDED, touched)


def _task(key: TaskKey) -> dict[str, Any]:
    return dict(zip(("sku", "location", "task", "id"), key, strict=True))


def _transfer(key: TransferKey) -> dict[str, Any]:
    return dict(zip(("transfer_id", "sku"), key, strict=True))


def _row(row: Row) -> dict[str, Any]:
    return dict(zip(("sku", "location"), row, strict=True))
