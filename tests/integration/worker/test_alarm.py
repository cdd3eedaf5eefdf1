"""The delivery loop's ear: a stored webhook ends its pause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from dev.ports import free_port
from ledger import inbox
from ledger.database import engine
from ledger.posting import Ledger
from tests.copies import Database
from tests.workflows.shop import eventually
from worker.alarm import ChannelAlarm

LONG, SOON = 30.0, 10.0
LISTENERS = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND query LIKE 'LISTEN%%' AND pid <> pg_backend_pid()"
)


@pytest.fixture
async def alarm(ledger: Ledger) -> AsyncIterator[ChannelAlarm]:
    """Give an alarm, and let go of its connection afterwards."""
    opened = ChannelAlarm(ledger.engine, inbox.CHANNEL)
    yield opened
    await opened.close()


async def stored(ledger: Ledger, name: str) -> None:
    """Store an event."""
    event = inbox.InboxEvent(
        provider="stripe",
        event_id=name,
        kind="any.kind",
        payment_intent=None,
        body_sha256="00" * 32,
    )
    await inbox.store(ledger.engine, event)


async def listening(database: Database) -> bool:
    return database.rows(LISTENERS) != []


async def test_a_stored_webhook_ends_the_pause(
    alarm: ChannelAlarm, ledger: Ledger, database: Database
) -> None:
    """Nobody's payment waits for the next round."""
    pause = asyncio.create_task(alarm.wait(LONG))
    await eventually(lambda: listening(database))

    await stored(ledger, "evt_1")

    await asyncio.wait_for(pause, SOON)


async def test_a_webhook_stored_between_two_pauses_ends_the_next_one(
    alarm: ChannelAlarm, ledger: Ledger
) -> None:
    """The round that was under way may have looked just before."""
    await alarm.wait(0.01)
    await stored(ledger, "evt_1")

    await asyncio.wait_for(alarm.wait(LONG), SOON)


async def test_a_pause_without_news_ends_by_itself(alarm: ChannelAlarm) -> None:
    """The interval is the net beneath the alarm."""
    await asyncio.wait_for(alarm.wait(0.05), SOON)


async def test_a_killed_connection_is_opened_again(
    alarm: ChannelAlarm, ledger: Ledger, database: Database
) -> None:
    """The pause in which it dies ends early, at most; the next one hears again."""
    pause = asyncio.create_task(alarm.wait(LONG))
    await eventually(lambda: listening(database))
    ((first,),) = database.rows(LISTENERS)
    database.run("SELECT pg_terminate_backend(%s)", first)
    await asyncio.wait_for(pause, SOON)

    again = asyncio.create_task(alarm.wait(LONG))
    await eventually(lambda: listening(database))
    await stored(ledger, "evt_1")

    await asyncio.wait_for(again, SOON)


async def test_without_a_database_it_is_a_pause_like_any_other() -> None:
    """A broken ear must not stop the loop, nor make it spin."""
    pool = engine(f"postgresql://nobody@127.0.0.1:{free_port()}/nowhere")
    alarm = ChannelAlarm(pool, inbox.CHANNEL)

    await asyncio.wait_for(alarm.wait(0.05), SOON)

    await alarm.close()
    await pool.dispose()
