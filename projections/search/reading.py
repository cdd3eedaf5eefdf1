"""Searching from any process: in the generation that is read, as it is at this moment."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from projections.generations import Generation, Generations
from projections.search.asking import Page, Wish
from projections.search.index import Damaged, Indexes, Reader

ATTEMPTS = 2
"""A generation may be replaced and removed between being named and being opened; hardly twice."""


class SearchAway(Exception):
    """There is no index that could be read: it is being made, or was lost and will be made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found. Everything committed before `as_of` was in the index, and that was `age_seconds` ago.

    Both are None until a first moment was told.
    """

    page: Page
    as_of: datetime | None
    age_seconds: float | None


class SearchReader:
    """Asks the index of the live generation. Nothing is opened before it is used."""

    def __init__(self, engine: AsyncEngine, indexes: Indexes) -> None:
        self.indexes = indexes
        self._generations = Generations(engine)
        self._lock = threading.Lock()
        self._open: tuple[int, Reader] | None = None

    async def find(self, wish: Wish) -> Found:
        """Find. Raises SearchAway, and Transient where the database cannot be had."""
        for _ in range(ATTEMPTS):
            # First how fresh it is, then what is in it: it is never said to be fresher than it is.
            live = await self._live()
            try:
                page = await asyncio.to_thread(self._find, live.number, wish)
            except Damaged:
                continue
            return Found(page=page, as_of=live.as_of, age_seconds=live.age_seconds)
        raise SearchAway

    async def _live(self) -> Generation:
        live = await self._generations.live("search")
        if live is None:
            raise SearchAway
        return live

    def _find(self, generation: int, wish: Wish) -> Page:
        return self._reader(generation).look().find(wish)

    def _reader(self, generation: int) -> Reader:
        with self._lock:
            if self._open is None or self._open[0] != generation:
                self._open = (generation, self.indexes.reader(generation))
            return self._open[1]
