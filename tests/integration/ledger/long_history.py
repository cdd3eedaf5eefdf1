"""A long history made in Postgres itself, level by level: each entry hashed onto the one before it."""

# ruff: noqa: S608 - statements put together from the documented order of fields

from __future__ import annotations

from ledger.movements import HASHED_FIELDS
from tests.copies import Database

HASHED_IN_SQL = ", ".join(
    f"((extract(epoch FROM {name}) * 1000000)::bigint)::text"
    if name in ("occurred_at", "recorded_at")
    else f"COALESCE(to_json({name})::text, 'null')"
    for name in HASHED_FIELDS
)
"""The fields of an entry as they are hashed: what `ledger.movements.chained` does, in SQL."""

_FIELDS = ", ".join(HASHED_FIELDS)
_ONE_MORE_EACH = f"""
WITH received AS (
  SELECT sku, location, sequence + 1 AS sequence, 'receive' AS kind, 'supply' AS source,
         'sellable' AS target, 1::bigint AS quantity, sellable + 1 AS sellable_after,
         reserved AS reserved_after, sold AS sold_after, shipped AS shipped_after,
         returned AS returned_after, damaged AS damaged_after, researching AS researching_after,
         supply - 1 AS supply_after, adjustment AS adjustment_after, transit AS transit_after,
         safety_stock AS safety_stock_after, feed_buffer AS feed_buffer_after, paused AS paused_after,
         'receipt/' || sku || '-' || sequence AS operation_key, 'receipt' AS cause_kind,
         sku || '-' || sequence AS cause_id, 'olga' AS actor, NULL::text AS reason,
         now() AS occurred_at, now() AS recorded_at, hash AS previous
  FROM stock
), hashed AS (
  SELECT *, sha256(previous || convert_to('[' || concat_ws(',', {HASHED_IN_SQL}) || ']', 'UTF8')) AS hash
  FROM received
), written AS (
  INSERT INTO movement ({_FIELDS}, hash) SELECT {_FIELDS}, hash FROM hashed
), answered AS (
  INSERT INTO operation (key, fingerprint, outcome) SELECT operation_key, '', '{{}}' FROM hashed
), told AS (
  INSERT INTO outbox (subject, sequence, shard, type, recorded_at, payload)
  SELECT sku || '/' || location, sequence, 0, 'StockReceived', recorded_at,
         json_build_object('kind', kind, 'on_hand', sellable_after, 'available', sellable_after,
           'piles', json_build_object('sellable', sellable_after, 'reserved', 0, 'sold', 0,
             'shipped', 0, 'returned', 0, 'damaged', 0, 'researching', 0, 'supply', supply_after,
             'adjustment', 0, 'transit', 0))
  FROM hashed
)
UPDATE stock s
SET sellable = h.sellable_after, supply = h.supply_after, sequence = h.sequence, hash = h.hash,
    recorded_at = h.recorded_at, total_received = s.total_received + 1
FROM hashed h
WHERE (s.sku, s.location) = (h.sku, h.location)
"""


def write_long_history(database: Database, *, rows: int, entries: int) -> None:
    """Give each of so many rows so many receipts of one unit."""
    with database.superuser.transaction():
        database.run("SET LOCAL synchronous_commit = off")
        database.run("INSERT INTO location (location, kind) VALUES ('BER1', 'warehouse')")
        database.run(
            "INSERT INTO product (sku, title, price_minor, currency)"
            " SELECT 'lamp-' || n, 'Lamp', 100, 'EUR' FROM generate_series(1, %s) AS n",
            rows,
        )
        database.run("INSERT INTO stock (sku, location) SELECT sku, 'BER1' FROM product")
        database.run("ANALYZE stock")
    for _ in range(entries):
        database.superuser.execute(_ONE_MORE_EACH.encode())
    database.run("ANALYZE")
