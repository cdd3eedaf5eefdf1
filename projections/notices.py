"""What is told to whoever shows availability, when the transaction that changed it is committed.

`sku A B C`: these changed. `as_of <milliseconds> <time>`: everything committed before that time is in it, and
it was that old when this was sent. `reset`: everything may have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CHANNEL = "onhand_availability"
RESET = "reset"
MOST_BYTES = 7_000
"""Postgres takes less than eight thousand."""

_NOTIFY = text("SELECT pg_notify(:channel, :word)")


async def notify_skus(connection: AsyncConnection, skus: Iterable[str]) -> None:
    """Tell that these changed."""
    for word in sku_words(sorted(set(skus))):
        await _notify(connection, word)


async def notify_age(connection: AsyncConnection, age_seconds: float, as_of: datetime) -> None:
    """Tell how fresh it is."""
    await _notify(connection, f"as_of {age_seconds * 1000:.0f} {as_of.isoformat()}")


async def notify_reset(connection: AsyncConnection) -> None:
    """Tell that another generation is read from now on."""
    await _notify(connection, RESET)


def sku_words(skus: Iterable[str]) -> Iterator[str]:
    """Cut the list into words that Postgres takes."""
    word = "sku"
    for sku in skus:
        if len(word) + 1 + len(sku) > MOST_BYTES:
            yield word
            word = "sku"
        word = f"{word} {sku}"
    if word != "sku":
        yield word


async def _notify(connection: AsyncConnection, word: str) -> None:
    await connection.execute(_NOTIFY, {"channel": CHANNEL, "word": word})
