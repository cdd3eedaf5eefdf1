"""Holding availability against the ledger: each number against the movement of its own sequence.

So it can be done while the shop sells: a number that is late is not wrong, as long as it once was right.
"""

from __future__ import annotations

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from projections.projection import Comparison

SHOWN = 100

_PATIENTLY = text("""
SELECT set_config('statement_timeout', '0', true), set_config('enable_seqscan', 'on', true),
       set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true)
""")

_ENTRIES = text("SELECT count(*) FROM projections.availability WHERE generation = :generation")

# The formula is written here once more, on purpose: what is compared was computed by the other one.
_WRONG = text("""
SELECT a.sku, a.location, a.sequence, a.available, m.was
FROM projections.availability a
LEFT JOIN LATERAL (
  SELECT m.sellable_after
         - CASE WHEN cardinality(m.paused_after) > 0 THEN m.sellable_after
                ELSE least(m.safety_stock_after + m.feed_buffer_after, m.sellable_after) END AS was
  FROM movement m
  WHERE (m.sku, m.location, m.sequence) = (a.sku, a.location, a.sequence)
) AS m ON true
WHERE a.generation = :generation AND a.available IS DISTINCT FROM m.was
ORDER BY a.sku, a.location
LIMIT :most
""")

# What the ledger had before the generation was begun was there to be copied. A minute is more than a transaction
# takes: one that was recorded before may be committed after.
_MISSING = text("""
SELECT s.sku, s.location
FROM stock s
LEFT JOIN projections.availability a
  ON (a.generation, a.sku, a.location) = (:generation, s.sku, s.location)
WHERE s.sequence > 0 AND a.sku IS NULL
  AND EXISTS (
    SELECT FROM movement m
    JOIN projections.generation g ON m.recorded_at < g.started_at - interval '1 minute'
    WHERE (m.sku, m.location, m.sequence) = (s.sku, s.location, 1)
      AND (g.projection, g.generation) = ('availability', :generation))
ORDER BY s.sku, s.location
LIMIT :most
""")

_PRODUCTS = text("""
SELECT p.sku, p.version, l.version AS was
FROM projections.availability_product p
LEFT JOIN product l ON l.sku = p.sku
WHERE p.generation = :generation AND (l.sku IS NULL OR p.version > l.version)
UNION ALL
SELECT l.sku, NULL, l.version
FROM product l
JOIN projections.generation g ON l.updated_at < g.started_at - interval '1 minute'
LEFT JOIN projections.availability_product p ON (p.generation, p.sku) = (g.generation, l.sku)
WHERE (g.projection, g.generation) = ('availability', :generation) AND p.sku IS NULL
ORDER BY 1
LIMIT :most
""")


async def differences(connection: AsyncConnection, generation: int) -> Comparison:
    """Compare a generation, in a snapshot."""
    await connection.execute(_PATIENTLY)
    asked = {"generation": generation, "most": SHOWN}
    entries = (await connection.execute(_ENTRIES, {"generation": generation})).scalar_one()
    wrong = (await connection.execute(_WRONG, asked)).mappings().all()
    missing = (await connection.execute(_MISSING, asked)).mappings().all()
    products = (await connection.execute(_PRODUCTS, asked)).mappings().all()
    sentences = [
        *(_wrong(row) for row in wrong),
        *(f"{row['sku']} at {row['location']} is not there" for row in missing),
        *(_product(row) for row in products),
    ]
    return Comparison(entries=entries, differences=tuple(sentences[:SHOWN]))


def _wrong(row: RowMapping) -> str:
    place = f"{row['sku']} at {row['location']}"
    if row["was"] is None:
        return f"{place} has sequence {row['sequence']}, which the ledger does not know"
    return f"{place} is {row['available']}, and was {row['was']} at sequence {row['sequence']}"


def _product(row: RowMapping) -> str:
    if row["was"] is None:
        return f"product {row['sku']} is not in the ledger"
    if row["version"] is None:
        return f"product {row['sku']} is not there"
    return f"product {row['sku']} has version {row['version']}, and the ledger {row['was']}"
