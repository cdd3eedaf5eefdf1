"""The noticeboard of the search: an index that heeds events, is filled from the ledger, and is held against it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from events.envelope import PREFIX
from events.reading import Event
from ledger.errors import Transient
from projections.ledger_pages import counts
from projections.projection import Comparison, Told
from projections.search.comparing import differences
from projections.search.entry import Entry, heeded, subject_of
from projections.search.filling import ledger_entries
from projections.search.index import Damaged, Indexes, Look

SHOWN = 100


class Search:
    """Kept in a directory. Methods and errors are those of `Projection`, and Transient for what the disk says.

    Whoever writes has the directory for as long as a batch takes; another one comes again (`index-busy`).
    """

    name = "search"
    topics = (f"{PREFIX}.stock.>", f"{PREFIX}.product.>")
    linger_seconds = 0.1

    def __init__(self, engine: AsyncEngine, indexes: Indexes) -> None:
        self.engine = engine
        self.indexes = indexes

    async def apply(self, generation: int, events: Sequence[Event]) -> None:
        """Take events into the entries they are about, and commit once."""
        payloads = [event.payload for event in events]
        if payloads:
            await asyncio.to_thread(self._apply, generation, payloads)

    def _apply(self, generation: int, payloads: Sequence[BaseModel]) -> None:
        skus = {subject_of(payload) for payload in payloads}
        writer = self.indexes.writer(generation)
        try:
            changed = heeded(writer.entries(skus), payloads)
            if changed:
                writer.put(changed.values())
                writer.commit()
        finally:
            writer.close()

    async def build(self, generation: int, told: Told) -> None:
        """Fill a directory of its own, with a page of skus in memory at a time."""
        of, done = (await counts(self.engine)).products, 0
        writer = await asyncio.to_thread(self.indexes.begin, generation)
        try:
            async for page in ledger_entries(self.engine):
                await asyncio.to_thread(writer.put, page.values(), fresh=True)
                done += len(page)
                told(done, max(of, done))
            await asyncio.to_thread(writer.commit)
            await asyncio.to_thread(writer.sign)
        finally:
            await asyncio.to_thread(writer.close)

    async def mend(self, generation: int, sku: str, location: str) -> None:
        """Nothing: what is copied is never put aside."""

    async def compare(self, generation: int) -> Comparison:
        """Hold what is committed at this moment against what the ledger says after it."""
        try:
            look = await asyncio.to_thread(self._look, generation)
            found = await self._differences(generation, look)
        except Damaged:
            return Comparison(entries=0, differences=("the index cannot be read",))
        return Comparison(entries=look.size, differences=tuple(sorted(found)[:SHOWN]))

    async def _differences(self, generation: int, look: Look) -> list[str]:
        faults, known = [], 0
        async for ledger in ledger_entries(self.engine):
            found = await asyncio.to_thread(look.entries, ledger)
            known += sum(map(len, found.values()))
            faults += await differences(self.engine, generation, ledger, found)
            faults += await asyncio.to_thread(_mislaid, look, found)
        if known != look.size:
            faults.append(f"{look.size - known} entries are of no sku of the ledger")
        return faults

    async def drop(self, generation: int) -> None:
        """Remove its directory. Who still reads in it may go on."""
        try:
            await asyncio.to_thread(self.indexes.remove, generation)
        except OSError as error:
            raise Transient("index-damaged") from error

    async def look(self, generation: int) -> None:
        """Nothing: events tell all of it."""

    async def intact(self, generation: int) -> bool:
        """Read in it: a volume may be lost, or another version may have written it."""
        try:
            await asyncio.to_thread(lambda: self._look(generation).read_some())
        except Damaged:
            return False
        return True

    def _look(self, generation: int) -> Look:
        return self.indexes.reader(generation).look()


def _mislaid(look: Look, found: Mapping[str, Sequence[Entry]]) -> list[str]:
    """Find entries that are not found by what they say: what is filtered by stands beside them."""
    told = {sku: entries[0] for sku, entries in found.items()}
    wanted = {sku for sku, entry in told.items() if entry.listing is not None and entry.in_stock}
    flagged = look.flagged_in_stock(told)
    return [f"{sku} is filtered by what it does not say" for sku in sorted(wanted ^ flagged)]
