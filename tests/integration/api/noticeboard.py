"""The availability noticeboard, filled by hand: rows, freshness and letters as a consumer would write them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.database import Role, engine
from projections.dead_letters import DeadLetter, DeadLetters
from projections.generations import AVAILABILITY, Generations
from projections.notices import notify_skus

_PRODUCT = text("""
INSERT INTO projections.availability_product (generation, sku, version) VALUES (:generation, :sku, 1)
ON CONFLICT DO NOTHING
""")
_ROW = text("""
INSERT INTO projections.availability AS a (generation, sku, location, sequence, available)
VALUES (:generation, :sku, :location, 1, :available)
ON CONFLICT (generation, sku, location) DO UPDATE
SET sequence = a.sequence + 1, available = excluded.available
""")
_COPY = """
INSERT INTO projections.{table} SELECT :new, {columns} FROM projections.{table} WHERE generation = :old
"""
_TABLES = {
    "availability": "sku, location, sequence, available",
    "availability_product": "sku, version",
}


@dataclass(kw_only=True)
class Noticeboard:
    """One database's. Nothing is live before `goes_live`."""

    engine: AsyncEngine
    generation: int = 0
    letters: int = 0

    async def goes_live(self, age_seconds: float = 0.0) -> None:
        """Have another generation read, with what the one before had in it."""
        generations = Generations(self.engine)
        number = await generations.begin(AVAILABILITY, stream="a stream")
        async with self.engine.begin() as connection:
            for table, columns in _TABLES.items():
                copy = text(_COPY.format(table=table, columns=columns))
                await connection.execute(copy, {"new": number, "old": self.generation})
        await generations.promote(
            AVAILABILITY, number, as_of=await self.ago(age_seconds), position=0
        )
        self.generation = number

    async def put(self, sku: str, **places: int) -> None:
        """Show a sku, with what may be sold at each place: one change of each."""
        async with self.engine.begin() as connection:
            await self.write(connection, sku, **places)
            await notify_skus(connection, [sku])

    async def write(self, connection: AsyncConnection, sku: str, **places: int) -> None:
        """Do the same, and tell nobody."""
        await connection.execute(_PRODUCT, {"generation": self.generation, "sku": sku})
        for location, available in places.items():
            row = {"generation": self.generation, "sku": sku, "location": location}
            await connection.execute(_ROW, {**row, "available": available})

    async def is_fresh(self) -> datetime:
        """Say that everything that was committed by now is shown; give that moment."""
        now = await self.ago(0.0)
        await Generations(self.engine).tell_fresh(
            AVAILABILITY, self.generation, as_of=now, position=0
        )
        return now

    async def doubt(self, subject: str) -> DeadLetter:
        """Put an event about it aside."""
        self.letters += 1
        letter = DeadLetter(
            projection=AVAILABILITY,
            generation=self.generation,
            position=self.letters,
            topic="onhand",
            subject=subject,
            code="unreadable",
            body=b"",
            attempts=1,
        )
        await DeadLetters(self.engine).put([letter])
        return letter

    async def settle(self, letter: DeadLetter) -> None:
        """Heed it after all."""
        await DeadLetters(self.engine).applied(letter)

    async def ago(self, seconds: float) -> datetime:
        """Give a moment, by the database's clock."""
        async with self.engine.connect() as connection:
            now: datetime = (
                await connection.execute(text("SELECT clock_timestamp()"))
            ).scalar_one()
        return now - timedelta(seconds=seconds)


@asynccontextmanager
async def open_noticeboard(database_url: str) -> AsyncIterator[Noticeboard]:
    """Give the one of a database, as the role that may write it."""
    pool = engine(database_url, pool_size=3, role=Role.PROJECTIONS)
    try:
        yield Noticeboard(engine=pool)
    finally:
        await pool.dispose()
