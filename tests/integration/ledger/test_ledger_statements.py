"""Statements that go past SQLAlchemy: the errors, the pool and the transaction are its own all the same."""

from __future__ import annotations

import asyncio
import random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from ledger.statements import Statements
from tests.integration.ledger.shop import Shop
from tests.unit.ledger import cast

POSTS = 60
LONGEST_SECONDS = 0.02
KEEP = text("INSERT INTO operation (key, fingerprint) VALUES (:key, '')")


async def test_a_failure_is_one_of_sqlalchemys(shop: Shop) -> None:
    """With the driver's inside, whose state says which."""
    async with shop.ledger.engine.connect() as connection:
        statements = await Statements.on(connection)
        await statements.execute(KEEP, {"key": "once"})
        with pytest.raises(IntegrityError) as told:
            await statements.execute(KEEP, {"key": "once"})
    assert getattr(told.value.orig, "sqlstate", None) == "23505"


async def test_the_first_that_fails_of_several_is_told(shop: Shop) -> None:
    """Nothing after it is done, nothing before it stays, and the connection can be used again."""
    async with shop.ledger.engine.connect() as connection:
        statements = await Statements.on(connection)
        keys = ("before", "before", "after")
        with pytest.raises(IntegrityError):
            await statements.execute_together([(KEEP, {"key": key}) for key in keys])
        await connection.rollback()
        again = await Statements.on(connection)
        await again.execute_together([(KEEP, {"key": "again"})])
        kept = (await again.execute(text("SELECT key FROM operation"))).scalars()
        assert set(kept) & {"before", "after", "again"} == {"again"}


async def test_a_dead_connection_is_told_to_the_pool(shop: Shop) -> None:
    """It is thrown away, and not handed to the next who asks."""
    async with shop.ledger.engine.connect() as connection:
        statements = await Statements.on(connection)
        (backend,) = (await statements.execute(text("SELECT pg_backend_pid()"))).scalars()
        shop.database.value("SELECT pg_terminate_backend(%s)", backend)
        with pytest.raises(OperationalError) as told:
            await statements.execute(text("SELECT 1"))
        assert told.value.connection_invalidated


async def test_a_post_cancelled_anywhere_leaves_the_pool_whole(shop: Shop) -> None:
    """Each is done or not, which posting it again finds out; no connection is lost over it."""
    await shop.offers("brass-lamp")
    commands = [cast.receive(1, receipt=f"cut-{number}") for number in range(POSTS)]
    patience = random.Random(POSTS)
    for command in commands:
        post = asyncio.create_task(shop.ledger.post_batch([command]))
        await asyncio.wait({post}, timeout=patience.uniform(0, LONGEST_SECONDS))
        post.cancel()
        await asyncio.wait({post})
    assert shop.ledger.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    for command in commands:
        await shop.ledger.post(command)
    assert shop.pile("sellable") == POSTS
