"""How fresh a noticeboard is: the moment before which every committed change is in it.

A change is on the bus, or waits in the outbox. So of a moment at which the outbox was looked at, and of the
position at which the stream ended after that, this is known: when everything up to the position is done,
everything committed by the moment is heeded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from events.connection import Connection
from events.following import Following, Progress, state_of
from ledger.outgoing import Outbox

MOST_MARKS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What was committed by then has come to the stream up to there."""

    as_of: datetime
    position: int


async def marked(outbox: Outbox, connection: Connection) -> Mark:
    """Set a mark at this moment, for all noticeboards. Raises BusAway, Transient."""
    # In this order: what is published in between only comes too early.
    as_of = await outbox.horizon()
    return Mark(as_of=as_of, position=(await state_of(connection)).last)


class Watermarks:
    """Marks that one generation has not reached yet."""

    def __init__(self, following: Following) -> None:
        self.following = following
        self._marks: deque[Mark] = deque(maxlen=MOST_MARKS)

    async def reached(self, newest: Mark) -> tuple[Mark | None, Progress]:
        """Give the latest that is reached, if any is, and how far the place has come. Raises as the bus does."""
        progress = await self.following.progress()
        reached = None
        # What is of other topics is never done: with nothing left to do, marks of earlier looks are reached. Those of
        # this one may be of events that the server which was asked has not got yet.
        while self._marks and (progress.behind == 0 or self._marks[0].position <= progress.settled):
            reached = self._marks.popleft()
        if newest.position <= progress.settled:
            return newest, progress
        self._marks.append(newest)
        return reached, progress
