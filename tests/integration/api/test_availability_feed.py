"""The feed behind the answers: a cache that is right or empty, and listeners who miss nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from api.availability.listeners import Listener
from projections.notices import CHANNEL
from tests.copies import Database
from tests.integration.api.front_door import LINE
from tests.integration.api.shop_window import Window, hears, open_window, until

GATE = 4711
# A query of the board waits at the gate when it has already chosen the moment it looks at.
GATED = """
ALTER TABLE projections.availability RENAME TO availability_row;
CREATE FUNCTION projections.gated(available bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_lock_shared(4711);
  PERFORM pg_advisory_unlock_shared(4711);
  RETURN available;
END $$;
CREATE VIEW projections.availability AS
SELECT generation, sku, location, sequence, projections.gated(available) AS available
FROM projections.availability_row;
GRANT SELECT ON projections.availability TO onhand_application;
"""

BROKEN = """
CREATE OR REPLACE FUNCTION projections.gated(available bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'not now';
END $$
"""
MENDED = """
CREATE OR REPLACE FUNCTION projections.gated(available bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN available;
END $$
"""


@pytest.fixture
async def window(database: Database) -> AsyncIterator[Window]:
    """Give a window that is live and fresh. Its budget is long: no answer of a slow machine is too old."""
    async with open_window(database, lag_budget=50.0) as opened:
        yield opened


async def seen(window: Window, sku: str) -> Any:
    """Ask what may be sold."""
    return (await window.get(f"/{sku}")).json()["available"]


async def told(window: Window, listener: Listener) -> dict[str, Any]:
    """Give what a listener is told next, by sku."""
    async with asyncio.timeout(30):
        skus = await listener.take()
    return {sku: window.feed.answer(sku) for sku in skus}


async def hears_of(window: Window, listener: Listener, sku: str, **facts: Any) -> None:
    """Wait until a listener is told this of a sku."""
    while True:
        answer = (await told(window, listener)).get(sku)
        if answer is not None and facts.items() <= answer.model_dump().items():
            return


def cut_the_line(database: Database, *, for_good: bool = False) -> None:
    """End the connection over which the feed hears; for good: it gets no other."""
    assert database.superuser
    if for_good:
        allow_lines(database, allowed=False)
    ended = database.rows(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = %s
        """,
        LINE,
    )
    assert ended == [(True,)]


def allow_lines(database: Database, *, allowed: bool) -> None:
    """Say whether anybody may connect; whoever is connected stays."""
    elsewhere = database.superuser_url.rpartition("/")[0] + "/postgres"
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        change = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(change.format(sql.Identifier(database.name), sql.Literal(allowed)))


async def test_what_nobody_changed_is_asked_for_once(window: Window) -> None:
    """And again after a change, once."""
    await window.board.put("LAMP", BER1=3)
    await window.is_heard()
    with window.queries() as asked:
        assert [await seen(window, "LAMP") for _ in range(5)] == [3] * 5
        await window.board.put("LAMP", BER1=2)
        await window.is_heard()
        assert [await seen(window, "LAMP") for _ in range(5)] == [2] * 5
    assert len(asked) == 2


async def test_many_who_miss_at_once_share_a_query(window: Window) -> None:
    """One may be under way when the others come; they share the next."""
    await window.board.put("LAMP", BER1=3)
    await window.is_heard()
    with window.queries() as asked:
        answers = await asyncio.gather(*(seen(window, "LAMP") for _ in range(100)))
    assert answers == [3] * 100
    assert len(asked) <= 2


async def test_a_read_that_began_before_a_change_is_not_kept(database: Database) -> None:
    """The word of the change came while the query was looking at the moment before it, and comes no more."""
    async with open_window(database, lag_budget=50.0) as window:
        await window.board.put("LAMP", BER1=3)
        await window.is_heard()
        with psycopg.connect(database.superuser_url, autocommit=True) as gatekeeper:
            database.run(GATED)
            gatekeeper.execute("SELECT pg_advisory_lock(%s)", (GATE,))
            asking = asyncio.create_task(seen(window, "LAMP"))
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            await until(lambda: database.value(waiting))
            database.run("UPDATE projections.availability_row SET available = 2, sequence = 2")
            database.run("SELECT pg_notify(%s, 'sku LAMP')", CHANNEL)
            await window.is_heard()
            gatekeeper.execute("SELECT pg_advisory_unlock(%s)", (GATE,))
            began_before = await asking
        assert began_before == 3
        assert await seen(window, "LAMP") == 2


async def test_a_read_is_as_old_as_what_it_saw(database: Database) -> None:
    """The same race: what was heard to be fresh while the query was under way is not said of its answer."""
    async with open_window(database, lag_budget=50.0) as window:
        await window.board.put("LAMP", BER1=3)
        await window.is_heard()
        with psycopg.connect(database.superuser_url, autocommit=True) as gatekeeper:
            database.run(GATED)
            gatekeeper.execute("SELECT pg_advisory_lock(%s)", (GATE,))
            with window.feed.following.listening(["LAMP"]) as listener:
                asking = asyncio.create_task(window.get("/LAMP"))
                waiting = (
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                )
                await until(lambda: database.value(waiting))
                database.run("UPDATE projections.availability_row SET available = 2, sequence = 2")
                database.run("SELECT pg_notify(%s, 'sku LAMP')", CHANNEL)
                changed_before = await window.board.ago(0.0)
                await window.is_heard()
                gatekeeper.execute("SELECT pg_advisory_unlock(%s)", (GATE,))
                response = await asking
                said = [(response.json()["available"], response.json()["as_of"])]
                while said[-1][0] != 2:
                    answers = (await told(window, listener)).values()
                    said += [(answer.available, answer.as_of.isoformat()) for answer in answers]
    early = [as_of for available, as_of in said if available == 3]
    assert early
    assert all(as_of < changed_before.isoformat() for as_of in early)


async def test_without_its_line_the_cache_is_empty_and_every_answer_is_read(
    database: Database,
) -> None:
    """A change that nobody could tell of is seen; with the line mended, one query serves many again."""
    async with open_window(database, lag_budget=50.0) as window:
        await window.board.put("LAMP", BER1=3)
        await window.is_heard()
        assert await seen(window, "LAMP") == 3
        cut_the_line(database, for_good=True)
        await until(lambda: not window.feed.entries._open)
        assert len(window.feed.entries) == 0
        await window.board.put("LAMP", BER1=2)
        with window.queries() as asked:
            assert [await seen(window, "LAMP") for _ in range(3)] == [2] * 3
            assert len(asked) == 3
            allow_lines(database, allowed=True)
            await hears(window)
            asked.clear()
            assert [await seen(window, "LAMP") for _ in range(3)] == [2] * 3
            assert len(asked) == 1


async def test_a_listener_misses_nothing_that_happened_without_the_line(database: Database) -> None:
    """What was told to nobody is read when the line stands again."""
    async with open_window(database, lag_budget=50.0) as window:
        await window.board.put("LAMP", BER1=3)
        with window.feed.following.listening(["LAMP"]) as listener:
            await hears_of(window, listener, "LAMP", available=3)
            cut_the_line(database, for_good=True)
            await until(lambda: not window.feed.entries._open)
            await window.board.put("LAMP", BER1=2)
            allow_lines(database, allowed=True)
            await hears_of(window, listener, "LAMP", available=2)


async def test_without_its_line_what_listeners_were_told_grows_old(database: Database) -> None:
    """They hear that it may not be relied on, though nothing changed that anybody could tell; and when it may."""
    async with open_window(database, lag_budget=0.5) as window:
        await window.board.put("LAMP", BER1=3)
        await window.is_heard()
        with window.feed.following.listening(["LAMP"]) as listener:
            await window.is_heard()
            await hears_of(window, listener, "LAMP", in_stock=True)
            cut_the_line(database, for_good=True)
            await hears_of(window, listener, "LAMP", in_stock=None, confirmed_at_checkout=True)
            allow_lines(database, allowed=True)
            await hears(window)
            await hears_of(window, listener, "LAMP", in_stock=True, confirmed_at_checkout=False)


async def test_a_thousand_listeners_get_a_change_by_one_query(window: Window) -> None:
    """And their beginnings too: whoever comes later is told what is known."""
    await window.board.put("LAMP", BER1=3)
    await window.board.put("VASE", BER1=1)
    await window.is_heard()
    with ExitStack() as all_of_them, window.queries() as asked:
        listeners = [
            all_of_them.enter_context(window.feed.following.listening(["LAMP"]))
            for _ in range(1_000)
        ]
        for listener in listeners:
            answer = (await told(window, listener))["LAMP"]
            assert answer is not None
            assert answer.available == 3
        assert len(asked) == 1
        await window.board.put("VASE", BER1=7)
        await window.board.put("LAMP", BER1=2)
        for listener in listeners:
            answer = (await told(window, listener))["LAMP"]
            assert answer is not None
            assert answer.available == 2
        assert len(asked) == 2
    assert len(window.feed.following.audience) == 0


async def test_a_listener_who_never_reads_costs_no_memory(window: Window) -> None:
    """Hundreds of changes of two skus wait as two names, and the last of each is what it gets."""
    with window.feed.following.listening(["LAMP", "VASE", "CHAIR"]) as slow:
        for number in range(200):
            await window.board.put("LAMP", BER1=number)
            await window.board.put("VASE", BER1=number)
            assert slow.pending <= 3
        last = {"LAMP": 199, "VASE": 199, "CHAIR": None}
        await until(lambda: _available(window, *last) == list(last.values()))
        assert set(await told(window, slow)) == set(last)


def _available(window: Window, *skus: str) -> list[int | None]:
    answers = [window.feed.answer(sku) for sku in skus]
    return [None if answer is None else answer.available for answer in answers]


async def test_the_cache_keeps_what_was_asked_for_last(window: Window) -> None:
    """Its bound holds whatever is asked for."""
    window.feed.entries.most = 3
    for sku in ("LAMP", "VASE", "CHAIR", "DESK"):
        await window.board.put(sku, BER1=1)
    await window.is_heard()
    for sku in ("LAMP", "VASE", "CHAIR", "LAMP", "DESK"):
        await seen(window, sku)
    with window.queries() as asked:
        for sku in ("LAMP", "CHAIR", "DESK"):
            await seen(window, sku)
        assert asked == []
        await seen(window, "VASE")
    assert (len(asked), len(window.feed.entries)) == (1, 3)


async def test_another_generation_voids_everything(window: Window) -> None:
    """What is cached is another's; listeners get their skus anew, changed or not."""
    await window.board.put("LAMP", BER1=3)
    await window.board.put("VASE", BER1=1)
    await window.is_heard()
    await seen(window, "LAMP")
    with window.feed.following.listening(["VASE"]) as listener:
        await hears_of(window, listener, "VASE", available=1)
        await window.board.goes_live()
        await hears_of(window, listener, "VASE", available=1)
    async with window.board.engine.begin() as connection:
        await window.board.write(connection, "LAMP", BER1=2)
    await window.board.goes_live()
    await window.is_heard()
    assert await seen(window, "LAMP") == 2


async def test_a_listener_is_told_of_doubt(window: Window) -> None:
    """And when it is over."""
    await window.board.put("LAMP", BER1=3)
    with window.feed.following.listening(["LAMP"]) as listener:
        await hears_of(window, listener, "LAMP", in_stock=True)
        letter = await window.board.doubt("LAMP/BER1")
        await hears_of(window, listener, "LAMP", in_stock=None)
        await window.board.settle(letter)
        await hears_of(window, listener, "LAMP", in_stock=True)


async def test_words_that_nobody_understands_void_everything(window: Window) -> None:
    """A later release may tell more than this one knows."""
    await window.board.put("LAMP", BER1=3)
    await window.is_heard()
    await seen(window, "LAMP")
    async with window.board.engine.begin() as connection:
        await window.board.write(connection, "LAMP", BER1=2)
        await connection.execute(text(f"SELECT pg_notify('{CHANNEL}', 'as_of soon')"))
    await window.is_heard()
    assert await seen(window, "LAMP") == 2


async def test_what_is_being_read_again_is_as_old_as_what_is_shown(database: Database) -> None:
    """The change was heard and its query is under way; what is heard to be fresh meanwhile counts after it."""
    async with open_window(database, lag_budget=50.0) as window:
        await window.board.put("LAMP", BER1=3)
        with (
            window.feed.following.listening(["LAMP"]) as listener,
            psycopg.connect(database.superuser_url, autocommit=True) as gatekeeper,
        ):
            await hears_of(window, listener, "LAMP", available=3)
            database.run(GATED)
            gatekeeper.execute("SELECT pg_advisory_lock(%s)", (GATE,))
            changed_at = await window.board.ago(0.0)
            database.run("UPDATE projections.availability_row SET available = 0, sequence = 2")
            database.run("SELECT pg_notify(%s, 'sku LAMP')", CHANNEL)
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            await until(lambda: database.value(waiting))
            await window.is_heard()
            shown = window.feed.answer("LAMP")
            gatekeeper.execute("SELECT pg_advisory_unlock(%s)", (GATE,))
            await hears_of(window, listener, "LAMP", available=0)
            await until(lambda: _as_of(window, "LAMP") >= changed_at)
    assert shown is not None
    assert shown.as_of is not None
    assert (shown.available, shown.as_of < changed_at) == (3, True)


def _as_of(window: Window, sku: str) -> datetime:
    answer = window.feed.answer(sku)
    assert answer is not None
    assert answer.as_of is not None
    return answer.as_of


async def test_what_cannot_be_read_is_not_said_to_be_fresh(database: Database) -> None:
    """The line stands and says that all is fresh; the change it told of before cannot be read, and is not forgotten."""
    async with open_window(database, lag_budget=0.5) as window:
        await window.board.put("LAMP", BER1=3)
        with window.feed.following.listening(["LAMP"]) as listener:
            await window.is_heard()
            await hears_of(window, listener, "LAMP", in_stock=True)
            database.run(GATED)
            database.run(BROKEN)
            database.run("UPDATE projections.availability_row SET available = 0, sequence = 2")
            database.run("SELECT pg_notify(%s, 'sku LAMP')", CHANNEL)
            hearing = asyncio.create_task(
                hears_of(window, listener, "LAMP", available=3, confirmed_at_checkout=True)
            )
            while not hearing.done():
                await window.is_heard()
            await hearing
            database.run(MENDED)
            await hears_of(window, listener, "LAMP", available=0)
            await window.is_heard()
            await hears_of(window, listener, "LAMP", available=0, in_stock=False)
