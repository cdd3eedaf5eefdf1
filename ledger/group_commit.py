"""Group commit: whatever waits is posted together, so that a hot sku's queue becomes the size of its batches.

It adds no delay when idle: what finds nobody posting is posted at once, alone. While a batch is under
way the next one gathers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from typing import Generic, TypeVar

from ledger.errors import Broken, LedgerError, Transient

MOST_WAITING = 2_048
"""How many may wait. More would be answered so late that their callers have gone: they are told `busy`."""

MOST_AT_ONCE = 512
"""How many go into one transaction; beyond it the first waits too long for the last."""

POSTERS = 2
"""Batches under way at once: one is decided while the other commits."""

LEAST_APART = 16
"""Below that, all that waits is posted together, in order. Above, each poster that is free takes an even share:
taken all by one, nothing would be decided while it commits."""

Asked = TypeVar("Asked")
Given = TypeVar("Given")


class GroupCommit(Generic[Asked, Given]):
    """A queue in front of a function that answers many at once; first come, first served.

    A caller that is cancelled while it waits is not posted; one that is cancelled later was or will
    be. Neither changes anything for the others.
    """

    def __init__(
        self,
        post_together: Callable[[Sequence[Asked]], Awaitable[Sequence[Given]]],
        *,
        most_waiting: int = MOST_WAITING,
        most_at_once: int = MOST_AT_ONCE,
        posters: int = POSTERS,
    ) -> None:
        self._post_together = post_together
        self._most_waiting = most_waiting
        self._most_at_once = most_at_once
        self._posters = posters
        self._waiting: deque[tuple[Asked, asyncio.Future[Given]]] = deque()
        self._posting: set[asyncio.Task[None] | None] = set()
        self._under_way = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def post(self, asked: Asked) -> Given:
        """Post it with whatever else waits, and give its answer.

        Raises Transient `busy` at once where too many wait, and otherwise what the function raised.
        """
        self._move_to(asyncio.get_running_loop())
        if len(self._waiting) >= self._most_waiting:
            raise Transient("busy")
        future: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if len(self._posting) < self._posters:
            # It begins when everybody who is awake has had a turn, and so takes them all.
            self._posting.add(asyncio.create_task(self._drain()))
        return await future

    async def drained(self) -> None:
        """Wait until everything that waits is answered."""
        self._move_to(asyncio.get_running_loop())
        while self._posting:
            await asyncio.wait({task for task in self._posting if task})

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Forget what an event loop that has ended left behind: nobody waits there any more."""
        if self._loop is not loop:
            self._loop = loop
            self._waiting.clear()
            self._posting = set()
            self._under_way = 0

    async def _drain(self) -> None:
        try:
            while batch := self._next():
                self._under_way += 1
                try:
                    await self._answer(batch)
                finally:
                    self._under_way -= 1
        finally:
            # At once, not when the loop gets to it: the answered wake up first, and must find a place free.
            self._posting.discard(asyncio.current_task())

    def _next(self) -> list[tuple[Asked, asyncio.Future[Given]]]:
        free = max(self._posters - self._under_way, 1)
        share = max(-(-len(self._waiting) // free), LEAST_APART)
        batch: list[tuple[Asked, asyncio.Future[Given]]] = []
        while self._waiting and len(batch) < min(share, self._most_at_once):
            asked, future = self._waiting.popleft()
            if not future.done():
                batch.append((asked, future))
        return batch

    async def _answer(self, batch: list[tuple[Asked, asyncio.Future[Given]]]) -> None:
        try:
            answers = await self._post_together([asked for asked, _ in batch])
            if len(answers) != len(batch):
                raise Broken("answers-missing")  # noqa: TRY301 - told like any other failure
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            for _, future in batch:
                if not future.done():
                    future.set_exception(_own(error))
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)


def _own(error: Exception) -> Exception:
    """Give each caller an error of its own: raised by many, one would collect all their tracebacks."""
    if not isinstance(error, LedgerError):
        return error
    own = copy(error)
    own.__cause__ = error
    return own
