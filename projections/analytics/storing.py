"""The hours of a generation, to which changes are added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projections.analytics.fold import COUNTED, added, holds_of
from projections.changes import Change, Row
from projections.watermarks import store

TABLES = ("analytics_hour", "analytics_refusal", "analytics_look", "analytics_watermark")
WATERMARKS = "analytics_watermark"

# Written with the reservation, and never changed.
_LINES = text("""
SELECT reservation_id, sku, location
FROM reservation_line
WHERE reservation_id = ANY(CAST(:names AS text[]))
""")

# A row of stock is counted in its order, so the last that is told of an hour is how it ended.
_STORE = text(f"""
INSERT INTO projections.analytics_hour AS h (generation, sku, location, hour, {", ".join(COUNTED)}, on_hand)
SELECT :generation, sku, location, hour, {", ".join(COUNTED)}, on_hand
FROM json_to_recordset(:rows) AS r(
  sku text, location text, hour timestamptz, {" bigint, ".join(COUNTED)} bigint, on_hand bigint)
ON CONFLICT (generation, sku, location, hour) DO UPDATE
SET {", ".join(f"{name} = h.{name} + excluded.{name}" for name in COUNTED)}, on_hand = excluded.on_hand
""")  # noqa: S608 - constants of ours


async def count(connection: AsyncConnection, generation: int, changes: Sequence[Change]) -> None:
    """Add changes to their hours. Their rows' watermarks are locked, and nobody else counts these."""
    hours = added(changes, await _lines(connection, holds_of(changes)))
    rows: list[dict[str, Any]] = [
        {
            "sku": sku,
            "location": location,
            "hour": begins,
            **{name: hour.counted[name] for name in COUNTED},
            "on_hand": hour.on_hand,
        }
        for (sku, location, begins), hour in hours.items()
    ]
    await store(connection, _STORE, generation, rows)


async def _lines(connection: AsyncConnection, names: set[str]) -> dict[str, list[Row]]:
    lines: dict[str, list[Row]] = {}
    if names:
        for row in await connection.execute(_LINES, {"names": sorted(names)}):
            lines.setdefault(row.reservation_id, []).append((row.sku, row.location))
    return lines
