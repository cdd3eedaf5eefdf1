"""The reaper: expires holds that nobody ended in time. It needs Postgres and nothing else.

The workflow's own timer ends a hold first, as a rule; this is for workflows that were terminated, or
lost, or are kept from running. The command is the same one under the same key, so it does not matter
who comes first.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from prometheus_client import Counter, Gauge

from ledger import ids
from ledger.commands import Expire
from ledger.crash_points import Around, passing_together
from ledger.errors import Refused
from ledger.posting import Ledger
from ledger.watch import LapsedHold, Watch

log = structlog.get_logger("worker.reaper")

FOUND = Counter("onhand_lapsed_holds_found_total", "Holds past their TTL and grace")
REAPED = Counter("onhand_holds_reaped_total", "What became of them", ["outcome"])
OLDEST = Gauge(
    "onhand_lapsed_holds_oldest_seconds", "How long past its TTL the longest of the last round was"
)


REAP = Around("reaper.expire")


class Reaper:
    """Ends lapsed holds."""

    def __init__(self, ledger: Ledger, watch: Watch, grace: timedelta) -> None:
        self.ledger = ledger
        self.watch = watch
        self.grace = grace

    async def round(self) -> None:
        """Expire every hold past its TTL and the grace."""
        lapsed = await self.watch.lapsed_holds(self.grace)
        FOUND.inc(len(lapsed))
        OLDEST.set(max((hold.overdue.total_seconds() for hold in lapsed), default=0.0))
        await passing_together(REAP.before, (_checkout(hold) for hold in lapsed))
        answers = await self.ledger.post_batch(
            [
                Expire(actor="reaper", reservation_id=hold.reservation_id, extension=hold.extension)
                for hold in lapsed
            ]
        )
        await passing_together(REAP.after, (_checkout(hold) for hold in lapsed))
        for hold, answer in zip(lapsed, answers, strict=True):
            if isinstance(answer.error, Refused):
                REAPED.labels(answer.error.code).inc()
            elif answer.error is not None:
                REAPED.labels("failed").inc()
                raise answer.error
            else:
                REAPED.labels("expired").inc()
                log.warning("hold reaped", reservation_id=hold.reservation_id)


def _checkout(hold: LapsedHold) -> str:
    return ids.checkout_of(hold.reservation_id)
