"""Searching from any process: in the generation that is read, as it is at this moment."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from projections.reading import Shown, live
from projections.search.asking import Page, Wish
from projections.search.index import Damaged, Indexes, Reader

ATTEMPTS = 2
"""A generation may be replaced and removed between being named and being opened; hardly twice."""


class SearchAway(Exception):
    """There is no index that could be read: it is being made, or was lost and will be made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found, and what was known of the index before it was looked for."""

    page: Page
    shown: Shown


class SearchReader:
    """Asks the index of the live generation. Nothing is opened before it is used."""

    def __init__(self, engine: AsyncEngine, indexes: Indexes) -> None:
        self.indexes = indexes
        self.engine = engine
        self._lock = threading.Lock()
        self._open: tuple[int, Reader] | None = None

    async def find(self, wish: Wish) -> Found:
        """Find. Raises SearchAway, and Transient where the database cannot be had."""
        for _ in range(ATTEMPTS):
            # First how fresh it is, then what is in it: it is never said to be fresher than it is.
            shown = await live(self.engine, "search")
            if shown is None:
                raise SearchAway
            try:
                page = await asyncio.to_thread(self._find, shown.generation, wish)
            except Damaged:
                continue
            return Found(page=page, shown=shown)
        raise SearchAway

    def _find(self, generation: int, wish: Wish) -> Page:
        return self._reader(generation).look().find(wish)

    def _reader(self, generation: int) -> Reader:
        with self._lock:
            if self._open is None or self._open[0] != generation:
                self._open = (generation, self.indexes.reader(generation))
            return self._open[1]
