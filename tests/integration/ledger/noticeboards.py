"""Noticeboards that are filled and read, without anybody who keeps them: what promises about them look at."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger.database import Role, engine
from projections.analytics.analytics import Analytics
from projections.availability.board import Availability
from projections.board.board import Board
from projections.generations import Generations
from tests.copies import Database


async def put_up(database: Database) -> None:
    """Fill each from the ledger, and have it read."""
    pool = engine(database.application_url, role=Role.PROJECTIONS)
    generations = Generations(pool)
    for projection in (Availability(pool), Board(pool), Analytics(pool)):
        number = await generations.begin(projection.name, stream="none")
        await projection.build(number, lambda _done, _of: None)
        await generations.promote(projection.name, number, as_of=datetime.now(UTC), position=0)
    await pool.dispose()
