"""Hearing what changes on the noticeboard, over a connection that does nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from projections.notices import CHANNEL

LOOK_SECONDS = 5.0
"""How often it is asked whether anybody is at the other end: a line that was cut is as quiet as a quiet shop."""
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Changed:
    """These skus are not as they were."""

    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fresh:
    """Everything committed before `as_of` has been told of, and that was so long ago when it was sent."""

    as_of: datetime
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Anew:
    """Everything may have changed."""


News = Changed | Fresh | Anew


@asynccontextmanager
async def hearing(engine: AsyncEngine) -> AsyncIterator[AsyncIterator[News]]:
    """Hear whatever is committed after this has begun, in the order of commits.

    The news raise TimeoutError, SQLAlchemy's or psycopg's errors when the line is lost: what was said
    meanwhile is lost as well.
    """
    connection = await engine.connect()
    try:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        yield _news(driver)
    finally:
        # It still listens: not fit for anybody else.
        await connection.invalidate()
        await connection.close()


async def _news(driver: psycopg.AsyncConnection[object]) -> AsyncIterator[News]:
    while True:
        async for notification in driver.notifies(timeout=LOOK_SECONDS):
            yield read_news(notification.payload)
        async with asyncio.timeout(ANSWER_SECONDS):
            await driver.execute("SELECT 1")


def read_news(words: str) -> News:
    """Read what was sent. Whatever we do not understand may mean anything, and so everything."""
    kind, _, rest = words.partition(" ")
    if kind == "sku":
        return Changed(tuple(rest.split()))
    if kind == "as_of":
        age, _, moment = rest.partition(" ")
        try:
            return Fresh(datetime.fromisoformat(moment), float(age) / 1_000)
        except ValueError:
            return Anew()
    return Anew()
