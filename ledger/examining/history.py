"""The whole history as one stream: each row's movements in order, then the row itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
from psycopg.rows import TupleRow

from ledger.movements import HASHED_FIELDS

ROW = 9_223_372_036_854_775_807
"""The sequence under which a stock row comes, after the last of its movements."""

FETCHED = 2_000
"""Entries in memory at a time."""

SKU, LOCATION, SEQUENCE, SOURCE, TARGET, QUANTITY = (
    HASHED_FIELDS.index(name)
    for name in ("sku", "location", "sequence", "source", "target", "quantity")
)
PILES = slice(HASHED_FIELDS.index("sellable_after"), HASHED_FIELDS.index("safety_stock_after"))
AFTER = slice(PILES.start, HASHED_FIELDS.index("operation_key"))
"""The after-image: piles and policy."""
RECORDED_AT = HASHED_FIELDS.index("recorded_at")
HASHED = slice(0, len(HASHED_FIELDS))
HASH = len(HASHED_FIELDS)

# In the order of HASHED_FIELDS, times as integer microseconds: an entry comes as it was hashed. The
# stock row takes the places of its last movement, with ROW for a number and its own in place of the quantity.
_HISTORY: LiteralString = """
SELECT sku, location, sequence, kind, source, target, quantity,
       sellable_after, reserved_after, sold_after, shipped_after, returned_after, damaged_after,
       researching_after, supply_after, adjustment_after, transit_after,
       safety_stock_after, feed_buffer_after, paused_after,
       operation_key, cause_kind, cause_id, actor, reason,
       (extract(epoch FROM occurred_at) * 1000000)::bigint,
       (extract(epoch FROM recorded_at) * 1000000)::bigint,
       hash
FROM movement
UNION ALL
SELECT sku, location, 9223372036854775807, '', NULL, NULL, sequence,
       sellable, reserved, sold, shipped, returned, damaged, researching, supply, adjustment, transit,
       safety_stock, feed_buffer, paused,
       NULL, '', '', '', NULL,
       NULL, (extract(epoch FROM recorded_at) * 1000000)::bigint,
       hash
FROM stock
ORDER BY sku, location, sequence
"""


def entries(connection: psycopg.Connection[TupleRow]) -> Iterator[tuple[Any, ...]]:
    """Stream every movement and every stock row, in HASHED_FIELDS and then the stored hash.

    Postgres goes on reading while we hash, and neither side ever holds the whole.
    """
    with connection.cursor(binary=True) as cursor:
        yield from cursor.stream(_HISTORY, size=FETCHED)


def expected_entries(connection: psycopg.Connection[TupleRow]) -> int:
    """Say how many movements there should be: every row knows the number of its last."""
    row = connection.execute("SELECT COALESCE(sum(sequence), 0)::bigint FROM stock").fetchone()
    assert row is not None
    return int(row[0])
