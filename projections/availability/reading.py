"""What the noticeboard shows of some skus, at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from events.envelope import OURS
from ledger.transactions import rows_of
from projections.dead_letters import SEQUENCE_TOLD

# One statement, so one snapshot: what is shown is never older than the freshness beside it. A sku may hold a
# `_`, so the letters of its places are looked for from `sku/` to what comes after it, `sku0`, and not by LIKE.
#
# A letter is no doubt where it tells no more than is shown: each event tells all of its subject. One that does not
# say how much it tells may mean anything.
_SHOWN = text(f"""
SELECT live.as_of, live.age, found.sku, found.available, found.version, found.doubted
FROM (
  SELECT g.generation, f.as_of, clock_timestamp() - f.as_of AS age
  FROM projections.generation g
  LEFT JOIN projections.freshness f USING (projection, generation)
  WHERE g.projection = 'availability' AND g.state = 'live'
) AS live
LEFT JOIN LATERAL (
  SELECT p.sku,
         coalesce(sum(a.available), 0)::bigint AS available,
         coalesce(sum(a.sequence), 0)::bigint AS version,
         EXISTS (
           SELECT FROM projections.dead_letter d
           LEFT JOIN projections.availability s
             ON s.generation = d.generation AND s.sku = p.sku AND s.location = substr(d.subject, length(p.sku) + 2)
           WHERE d.projection = 'availability' AND d.generation = live.generation AND d.state = 'open'
             AND d.subject >= p.sku AND d.subject < p.sku || '0' AND (d.subject = p.sku OR d.subject >= p.sku || '/')
             AND coalesce(
               {SEQUENCE_TOLD} > CASE WHEN d.subject = p.sku THEN p.version ELSE coalesce(s.sequence, 0) END, true)
         ) AS doubted
  FROM projections.availability_product p
  LEFT JOIN projections.availability a ON (a.generation, a.sku) = (p.generation, p.sku)
  WHERE p.generation = live.generation AND p.sku = ANY(:skus)
  GROUP BY p.sku, p.version
) AS found ON true
""")  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A sku over all its locations. `doubted`: an event that could not be heeded may tell more than is shown."""

    sku: str
    available: int
    version: int
    doubted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one look saw. Everything committed before `as_of` is in it, and that was `age_seconds` ago.

    Both are None where nothing is `live`, and where a first moment was not told yet.
    """

    live: bool
    as_of: datetime | None
    age_seconds: float | None
    entries: Mapping[str, Entry]
    """By sku; one that is not here is not known."""


async def shown(engine: AsyncEngine, skus: Sequence[str]) -> Shown:
    """Look at these skus. Raises Transient."""
    rows = await rows_of(engine, _SHOWN, skus=list(skus), ours=OURS)
    if not rows:
        return Shown(live=False, as_of=None, age_seconds=None, entries={})
    age = rows[0]["age"]
    return Shown(
        live=True,
        as_of=rows[0]["as_of"],
        age_seconds=None if age is None else max(0.0, age.total_seconds()),
        entries={row["sku"]: _entry(row) for row in rows if row["sku"] is not None},
    )


def _entry(row: RowMapping) -> Entry:
    return Entry(
        sku=row["sku"],
        available=row["available"],
        version=row["version"],
        doubted=row["doubted"],
    )
