"""Reading together: one query is under way at a time, and whoever comes meanwhile shares the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

from api.availability.views import View

SKUS_AT_ONCE = 1_000
"""After that many a query takes no further askers; one who asks for more gets them all the same."""


class SharedReads:
    """A thousand misses of one sku are one query, and a storm of them takes one connection."""

    def __init__(self, read: Callable[[Sequence[str]], Awaitable[View]]) -> None:
        self._read = read
        self._waiting: deque[tuple[Sequence[str], asyncio.Future[View]]] = deque()
        self._reading: asyncio.Task[None] | None = None

    async def ask(self, skus: Sequence[str]) -> View:
        """Have these read by a query that begins after the call; others' skus may be in it. Raises as it does."""
        answer: asyncio.Future[View] = asyncio.get_running_loop().create_future()
        self._waiting.append((skus, answer))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all())
        return await answer

    async def close(self) -> None:
        """Give up what is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        while self._waiting:
            self._waiting.popleft()[1].cancel()

    async def _read_all(self) -> None:
        while self._waiting:
            skus, answers = self._together()
            if answers:
                await self._answer(list(skus), answers)

    async def _answer(self, skus: Sequence[str], answers: Sequence[asyncio.Future[View]]) -> None:
        try:
            view = await self._read(skus)
        except asyncio.CancelledError:
            for answer in answers:
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - told to whoever asked; the next query knows nothing of it
            for answer in _open(answers):
                answer.set_exception(error)
        else:
            for answer in _open(answers):
                answer.set_result(view)

    def _together(self) -> tuple[dict[str, None], list[asyncio.Future[View]]]:
        skus: dict[str, None] = {}
        answers: list[asyncio.Future[View]] = []
        while self._waiting and len(skus) < SKUS_AT_ONCE:
            wanted, answer = self._waiting.popleft()
            if not answer.done():
                skus.update(dict.fromkeys(wanted))
                answers.append(answer)
        return skus, answers


def _open(answers: Iterable[asyncio.Future[View]]) -> list[asyncio.Future[View]]:
    """List those whose asker still waits."""
    return [answer for answer in answers if not answer.done()]
