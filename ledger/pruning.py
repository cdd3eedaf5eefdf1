"""Taking away what nobody needs any more: events that were published long ago. Run as the owner.

What may be pruned, and what never, is in `docs/decisions/0012-what-grows.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from ledger.database import plain_url

AT_ONCE = 1_000
LEAST_KEPT = timedelta(days=1)

# Before anything is taken away: movements from before it are no longer expected to have an event.
_MARK = """
UPDATE outbox_pruned SET before = greatest(before, clock_timestamp() - %s)
RETURNING before
"""

# Out for that long, too: after a long outage of the bus an old event is news to those who follow.
_IS_OLD = "published_at IS NOT NULL AND greatest(recorded_at, published_at) < %s"

_OLD = f"SELECT count(*) FROM outbox WHERE {_IS_OLD}"  # noqa: S608 - a constant of ours

_PRUNE = f"""
DELETE FROM outbox
WHERE id IN (
  SELECT id FROM outbox
  WHERE {_IS_OLD}
  ORDER BY id
  LIMIT %s
)
"""  # noqa: S608 - the same


def prune(owner_url: str, *, keep: timedelta, told: Callable[[int, int], None]) -> int:
    """Take away published events older than `keep`, a thousand a transaction; give how many.

    `told` hears how many are gone, and how many there were.

    Breaking off is harmless: what is left is taken the next time. Raises ValueError for less than a day,
    psycopg.Error where the database cannot be had.
    """
    if keep < LEAST_KEPT:
        message = (
            "a consumer that was away over night must find what it missed: keep a day at least"
        )
        raise ValueError(message)
    taken = 0
    with psycopg.connect(plain_url(owner_url), autocommit=True) as connection:
        before = _one(connection.execute(_MARK, [keep]))
        old = int(_one(connection.execute(_OLD, [before])))
        while some := connection.execute(_PRUNE, [before, AT_ONCE]).rowcount:
            taken += some
            told(taken, old)
    return taken


def _one(found: psycopg.Cursor[TupleRow]) -> Any:
    row = found.fetchone()
    assert row is not None
    return row[0]
