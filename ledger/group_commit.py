"""Group commit: whatever waits is posted together, so a hot sku turns contention into batch size.

A small queue in each process in front of `Ledger`. It adds no delay when idle: a command that finds
nobody posting is posted at once, alone. While a batch is under way the next one gathers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from ledger.commands import Command
from ledger.errors import Transient
from ledger.posting import Answer, Ledger

MOST_WAITING = 2_048
"""Commands that may wait. More would be answered so late that their callers have gone: they are told `busy`."""

MOST_AT_ONCE = 512
"""Commands in one transaction; beyond it the answer of the first waits too long for the last."""

POSTERS = 2
"""Batches under way at once: one commits while the other is being decided."""


class GroupCommit:
    """Posts commands like a `Ledger`, many callers' at a time."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        most_waiting: int = MOST_WAITING,
        most_at_once: int = MOST_AT_ONCE,
        posters: int = POSTERS,
    ) -> None:
        self.ledger = ledger
        self._most_waiting = most_waiting
        self._most_at_once = most_at_once
        self._posters = posters
        self._waiting: deque[tuple[Command, asyncio.Future[Answer]]] = deque()
        self._posting: set[asyncio.Task[None]] = set()

    async def post(self, command: Command) -> Mapping[str, Any]:
        """Post one command, together with whatever else waits, and give its answer.

        Raises what `Ledger.post` raises; Transient `busy` at once where too many wait. A caller that is
        cancelled meanwhile does not know whether its command was posted: it was or will be.
        """
        if len(self._waiting) >= self._most_waiting:
            raise Transient("busy")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if len(self._posting) < self._posters:
            task = asyncio.create_task(self._drain())
            self._posting.add(task)
            task.add_done_callback(self._posting.discard)
        return (await future).accepted()

    async def close(self) -> None:
        """Wait until everything that waits is answered."""
        while self._posting:
            await asyncio.wait(self._posting)

    async def _drain(self) -> None:
        while self._waiting:
            count = min(len(self._waiting), self._most_at_once)
            await self._post_together([self._waiting.popleft() for _ in range(count)])

    async def _post_together(self, waiting: list[tuple[Command, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self.ledger.post_batch([command for command, _ in waiting])
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to those who wait
            answers = []
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
        for (_, future), answer in zip(waiting, answers, strict=False):
            if not future.done():
                future.set_result(answer)
