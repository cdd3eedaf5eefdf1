"""The database goes away at the worst of moments; what was promised is still true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import LiteralString

import psycopg
import pytest

from dev.postgres import PostgresServer
from ledger import database as ledger_database
from ledger import posting
from ledger.commands import Command
from ledger.errors import Transient
from ledger.posting import ATTEMPTS
from tests.copies import Database
from tests.integration.ledger.proxy import Cut, wire_to
from tests.integration.ledger.shop import Shop, another_ledger, outcome
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, RUG

DEADLINE_SECONDS = 20


async def until(fact: Callable[[], bool]) -> None:
    """Wait for a fact."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not fact():
            await asyncio.sleep(0.01)


def waiting(database: Database) -> int:
    """Count sessions of this database that wait for a lock."""
    return int(
        database.value(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


def holding(
    database: Database, statement: LiteralString
) -> psycopg.Connection[psycopg.rows.TupleRow]:
    """Take locks and keep them until the connection is closed."""
    connection = psycopg.connect(database.superuser_url)
    connection.execute(statement)
    return connection


DEEDS: list[tuple[list[Command], Command, str]] = [
    ([], cast.receive(5, receipt="r-cut"), "receive"),
    ([cast.open_checkout("co_1")], cast.reserve("co_1"), "reserve"),
    (cast.commands_to_authorize("co_2"), cast.release("co_2"), "release"),
    (cast.commands_to_hold("co_3"), cast.expire("co_3"), "expire"),
    (cast.commands_to_capture("co_4"), cast.confirm("co_4"), "confirm"),
    (cast.commands_to_confirm("co_5"), cast.cancel_order("co_5"), "cancel"),
]


@pytest.mark.parametrize("cut", Cut)
async def test_a_commit_of_unknown_outcome_is_resolved_by_asking_again(
    shop: Shop, postgres: PostgresServer, cut: Cut
) -> None:
    """Whether the server did it or never heard of it: one effect, one answer, and the caller sees no error."""
    await shop.stocked(9)
    async with (
        wire_to("127.0.0.1", postgres.port) as wire,
        another_ledger(shop.database, url=wire.url(shop.database.application_url)) as distant,
    ):
        for n, (before, deed, kind) in enumerate(DEEDS, start=1):
            await shop.tell(*before)
            done_before = shop.movements(kind)
            wire.cut = cut
            (answer,) = await distant.post_batch([deed])
            assert (wire.cuts, distant.retries) == (n, n)
            assert answer.replayed is (cut is Cut.AFTER_COMMIT)
            assert await distant.post(deed) == answer.accepted()
            assert shop.movements(kind) == done_before + 1
            stored = "SELECT count(*) FROM operation WHERE key = %s"
            assert shop.database.value(stored, deed.key) == 1


async def test_the_wire_really_is_cut(shop: Shop, postgres: PostgresServer) -> None:
    """Seen without the ledger: the client has an error, and the row is there."""
    async with wire_to("127.0.0.1", postgres.port) as wire:
        url = wire.url(shop.database.superuser_url)
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute(
                "INSERT INTO operation (key, fingerprint, outcome) VALUES ('seen', '', '{}')"
            )
            wire.cut = Cut.AFTER_COMMIT
            with pytest.raises(psycopg.OperationalError):
                await connection.commit()
    assert shop.database.value("SELECT count(*) FROM operation WHERE key = 'seen'") == 1


async def test_a_lost_refusal_is_remembered(shop: Shop, postgres: PostgresServer) -> None:
    """The no was committed too: asked again, it is the same no, though goods came in since."""
    await shop.opened(ADA)
    async with (
        wire_to("127.0.0.1", postgres.port) as wire,
        another_ledger(shop.database, url=wire.url(shop.database.application_url)) as distant,
    ):
        wire.cut = Cut.AFTER_COMMIT
        assert await outcome(distant.post(cast.reserve())) == "insufficient-stock"
        await shop.stocked(1)
        assert await outcome(distant.post(cast.reserve())) == "insufficient-stock"
        assert wire.cuts == 1
    assert shop.pile("reserved") == 0


async def test_a_lost_batch_is_done_once(shop: Shop, postgres: PostgresServer) -> None:
    """Answered and keyless commands alike: what compares and sets finds nothing left to do."""
    await shop.stocked(3)
    batch = [*cast.commands_to_capture(), cast.pause(), cast.receive(1, receipt="r-batch")]
    async with (
        wire_to("127.0.0.1", postgres.port) as wire,
        another_ledger(shop.database, url=wire.url(shop.database.application_url)) as distant,
    ):
        wire.cut = Cut.AFTER_COMMIT
        answers = await distant.post_batch(batch)
        assert wire.cuts == 1
    assert [answer.error for answer in answers] == [None] * len(batch)
    assert (shop.movements("reserve"), shop.movements("pause"), shop.pile("reserved")) == (1, 1, 1)
    assert shop.status(ADA) == "committing"


async def test_a_server_process_ended_in_the_middle_costs_a_retry(shop: Shop) -> None:
    """Terminated while it waits for the row; the second try finds the row free."""
    await shop.stocked(3)
    await shop.opened(ADA)
    holder = holding(shop.database, "SELECT FROM stock FOR UPDATE")
    post = asyncio.create_task(shop.ledger.post(cast.reserve()))
    await until(lambda: waiting(shop.database) == 1)
    shop.database.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    holder.close()
    assert (await post)["state"] == "held"
    assert shop.ledger.retries == 1
    assert shop.movements("reserve") == 1


async def test_every_connection_ended_between_posts_costs_a_retry(shop: Shop) -> None:
    """As after a failover: the pool is full of dead connections, and the next post finds one."""
    await asyncio.gather(*[shop.ledger.post(cast.receive(1, receipt=f"r-{n}")) for n in range(20)])
    shop.database.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    results = await asyncio.gather(
        *[outcome(shop.ledger.post(cast.receive(1, receipt=f"s-{n}"))) for n in range(10)]
    )
    assert results == ["done"] * 10
    assert shop.ledger.retries >= 1
    assert shop.pile("sellable") == 30


async def test_a_caller_waits_behind_a_commit_under_way(shop: Shop) -> None:
    """The same key, posted while its first post is still deciding: never by reading alone."""
    await shop.stocked(3)
    await shop.opened(ADA)
    holder = holding(shop.database, "SELECT FROM stock FOR UPDATE")
    first = asyncio.create_task(shop.ledger.post_batch([cast.reserve()]))
    await until(lambda: waiting(shop.database) == 1)
    second = asyncio.create_task(shop.ledger.post_batch([cast.reserve()]))
    await until(lambda: waiting(shop.database) == 2)
    holder.close()
    (one,), (two,) = await first, await second
    assert one.body == two.body
    assert (one.replayed, two.replayed) == (False, True)


async def test_a_row_that_never_comes_free_is_told_as_transient(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was decided; the caller comes back."""
    monkeypatch.setitem(ledger_database._SESSION, "lock_timeout", "30ms")
    await shop.stocked(3)
    await shop.opened(ADA)
    holder = holding(shop.database, "SELECT FROM stock FOR UPDATE")
    async with another_ledger(shop.database) as hurried:
        with pytest.raises(Transient, match="database-unavailable"):
            await hurried.post(cast.reserve())
        assert hurried.retries == ATTEMPTS - 1
        holder.close()
        assert (await hurried.post(cast.reserve()))["state"] == "held"


async def test_a_statement_that_took_too_long_is_told_as_transient(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy server is no reason to page somebody and suspend a checkout."""
    monkeypatch.setitem(ledger_database._SESSION, "lock_timeout", "10s")
    monkeypatch.setitem(ledger_database._SESSION, "statement_timeout", "30ms")
    await shop.stocked(3)
    await shop.opened(ADA)
    holder = holding(shop.database, "SELECT FROM stock FOR UPDATE")
    try:
        async with another_ledger(shop.database) as hurried:
            assert await outcome(hurried.post(cast.reserve())) == "database-unavailable"
    finally:
        holder.close()


@pytest.mark.parametrize(
    ("patience_seconds", "others"), [(0.0, "busy"), (60.0, "done")], ids=["spent", "left"]
)
async def test_one_row_that_somebody_sits_on_keeps_no_batch_for_ever(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, patience_seconds: float, others: str
) -> None:
    """Split at the lock, and those who are left are told to come back once patience is at an end."""
    monkeypatch.setitem(ledger_database._SESSION, "lock_timeout", "50ms")
    monkeypatch.setattr(posting, "PATIENCE_SECONDS", patience_seconds)
    await shop.stocked(1)
    await shop.stocked(1, RUG)
    await shop.opened(ADA)
    await shop.tell(cast.open_checkout("co_bob", lines={RUG: 1}))
    holder = holding(shop.database, "SELECT FROM stock WHERE sku = 'brass-lamp' FOR UPDATE")
    try:
        async with another_ledger(shop.database) as hurried:
            lamp, rug = await hurried.post_batch([cast.reserve(), cast.reserve("co_bob", {RUG: 1})])
            assert hurried.retries > 0
    finally:
        holder.close()
    assert isinstance(lamp.error, Transient)
    assert (rug.error.code if rug.error else "done") == others


async def test_a_full_pool_is_told_as_busy(shop: Shop) -> None:
    """After two seconds, not never."""
    async with another_ledger(shop.database, pool_size=1) as narrow:
        async with narrow.engine.connect() as connection:
            assert connection is not None
            with pytest.raises(Transient, match="busy"):
                await narrow.post(cast.receive(1))
        assert await outcome(narrow.post(cast.receive(1))) == "done"


async def test_a_database_that_is_not_there_is_told_as_transient(database: Database) -> None:
    """Nothing was decided, and nobody listens."""
    nowhere = "postgresql://onhand:secret@127.0.0.1:1/onhand"
    async with another_ledger(database, url=nowhere) as lost:
        with pytest.raises(Transient, match="database-unavailable"):
            await lost.post(cast.receive(1))


async def test_a_caller_that_gives_up_leaves_the_pool_whole(shop: Shop) -> None:
    """Cancelled in the middle of its wait: its locks and its connection come back."""
    await shop.stocked(3)
    await shop.opened(ADA)
    holder = holding(shop.database, "SELECT FROM stock FOR UPDATE")
    async with another_ledger(shop.database, pool_size=1) as narrow:
        post = asyncio.create_task(narrow.post(cast.reserve()))
        await until(lambda: waiting(shop.database) == 1)
        post.cancel()
        with pytest.raises(asyncio.CancelledError):
            await post
        holder.close()
        assert (await narrow.post(cast.reserve()))["state"] == "held"
    assert shop.movements("reserve") == 1
