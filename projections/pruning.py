"""Taking away dead letters that were settled long ago. Run as the owner, with what `ledger.pruning` takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import psycopg

from ledger.database import plain_url

AT_ONCE = 1_000

_BEFORE = "SELECT clock_timestamp() - %s"

# Whoever settled it did so when it was tried last.
_IS_OLD = "state <> 'open' AND tried_at < %s"

_OLD = f"SELECT count(*) FROM projections.dead_letter WHERE {_IS_OLD}"  # noqa: S608 - a constant of ours

_PRUNE = f"""
DELETE FROM projections.dead_letter
WHERE (projection, generation, position) IN (
  SELECT projection, generation, position FROM projections.dead_letter
  WHERE {_IS_OLD}
  ORDER BY projection, generation, position
  LIMIT %s
)
"""  # noqa: S608 - the same


def prune(owner_url: str, *, keep: timedelta, told: Callable[[int, int], None]) -> int:
    """Take away dead letters that were settled longer than `keep` ago, a thousand a transaction; give how many.

    An open one stays, however old. `told` hears how many are gone, and how many there were.

    Breaking off is harmless. Raises psycopg.Error where the database cannot be had.
    """
    taken = 0
    with psycopg.connect(plain_url(owner_url), autocommit=True) as connection:
        ((before,),) = connection.execute(_BEFORE, [keep]).fetchall()
        ((old,),) = connection.execute(_OLD, [before]).fetchall()
        while some := connection.execute(_PRUNE, [before, AT_ONCE]).rowcount:
            taken += some
            told(taken, old)
    return taken
