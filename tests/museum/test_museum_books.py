"""What goes wrong elsewhere with the books: balances without entries, and a past that nobody can tell."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import LiteralString

import psycopg
import pytest

from ledger.commands import Command
from ledger.movements import Movement, chained, hashed_values
from ledger.reading.history import explained, movements_of
from ledger.stock import GENESIS_HASH, Pile, Stock
from tests.history.conftest import Say
from tests.integration.ledger.shop import Shop, another_ledger, broken_promises, outcome
from tests.museum.buyers import row_of
from tests.proof import size
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH

DEEDS = size(share=60, full=2_000)
MOMENTS = size(share=40, full=1_000)
PATIENCE_SECONDS = size(share=120, full=1_200)

UNWRITTEN: dict[str, LiteralString] = {
    "units from nowhere": "UPDATE stock SET sellable = sellable + 1",
    "units below nothing": "UPDATE stock SET sellable = -1, reserved = 4",
}
HALF_WRITTEN: LiteralString = "UPDATE stock SET sellable = sellable - 1, reserved = reserved + 1"
"""What the row's own constraints cannot know: every pile is possible, and no entry says so."""


async def test_a_correction_is_an_entry_and_an_event(shop: Shop) -> None:
    """Saleor tasks.py: a nightly task overwrote the allocated quantity, and nothing said that it had."""
    await shop.stocked(9)
    await shop.ledger.post(warehouse.adjust(-2))
    entries = shop.database.rows(
        "SELECT kind, source, target, quantity, sellable_after, o.type, o.payload IS NOT NULL"
        " FROM movement m JOIN outbox o ON (o.subject, o.sequence) = (sku || '/' || location, m.sequence)"
        " WHERE m.sequence = 2"
    )
    assert entries == [("adjust", "sellable", "adjustment", 2, 7, "ManualAdjustment", True)]
    assert row_of(shop, LAMP, BERLIN)["sequence"] == 2


@pytest.mark.parametrize("unwritten", UNWRITTEN)
async def test_a_balance_that_no_entry_could_give_is_refused(shop: Shop, unwritten: str) -> None:
    """Solidus stock_location.rb restock_backordered: the counter was written, and no movement.

    Units that come from nowhere are refused by the row itself, even to the application.
    """
    await shop.stocked(3)
    with pytest.raises(psycopg.errors.CheckViolation):
        as_application(shop, UNWRITTEN[unwritten])


async def test_a_balance_changed_without_an_entry_is_found(shop: Shop) -> None:
    """Solidus stock_location.rb restock_backordered: the counter was written, and no movement.

    Units moved between piles behind the ledger's back are possible for whoever has the application's
    rights, and the books show it at once: the sums, the after-image, and nobody's claim.
    """
    await shop.stocked(3)
    as_application(shop, HALF_WRITTEN)
    found = {name.partition("_")[0] for name in broken_promises(shop.database)}
    assert {"I01", "I04", "I08"} <= found
    shop.database.run("UPDATE stock SET sellable = sellable + 1, reserved = reserved - 1")


def as_application(shop: Shop, statement: LiteralString) -> None:
    """Change the database with the application's rights and not through its code."""
    with psycopg.connect(shop.database.application_url) as connection:
        connection.execute("SET ROLE onhand_application")
        connection.execute(statement)


async def a_busy_day(shop: Shop, random: Random) -> list[Stock]:
    """Do something of everything from two processes, while somebody reads the balances as they stand."""
    await shop.stocked(DEEDS, LAMP, BERLIN)
    await shop.stocked(DEEDS, LAMP, MUNICH)
    deeds: list[list[Command]] = [
        random.choice(
            [
                cast.commands_to_hold(f"co_{n}"),
                [*cast.commands_to_hold(f"co_{n}"), cast.release(f"co_{n}")],
                cast.commands_to_confirm(f"co_{n}"),
                [warehouse.adjust(random.choice([-2, 1]), name=f"A{n}")],
                [cast.receive(2, location=MUNICH, receipt=f"r-{n}")],
            ]
        )
        for n in range(DEEDS)
    ]
    seen: list[Stock] = []
    over = asyncio.Event()

    async def read() -> None:
        while not over.is_set():
            told = await explained(shop.ledger.engine, LAMP, None, 1)
            assert told is not None
            seen.extend(told.now_rows)

    async with another_ledger(shop.database) as other, asyncio.TaskGroup() as group:
        group.create_task(read())
        for n, deed in enumerate(deeds):
            await outcome((shop.ledger, other)[n % 2].post_batch(deed))
        over.set()
    return seen


@pytest.mark.proof
@pytest.mark.timeout(PATIENCE_SECONDS)
async def test_a_balance_at_a_moment_is_the_one_recorded_at_it(shop: Shop, say: Say) -> None:
    """Formance and Amazon state a balance as of any moment; elsewhere the past can only be summed, or is gone.

    magento2 cleans reservations away each night: what was true yesterday cannot be asked.
    """
    random = Random()
    seen = await a_busy_day(shop, random)
    ((first, last),) = shop.database.rows("SELECT min(recorded_at), max(recorded_at) FROM movement")
    for recorded in random.sample(seen, min(MOMENTS, len(seen))):
        assert recorded.recorded_at is not None
        assert recorded in await as_of(shop, recorded.recorded_at)
    for _ in range(MOMENTS):
        moment = first + (last - first) * random.random()
        assert {
            row.location: [getattr(row, pile.value) for pile in Pile]
            for row in await as_of(shop, moment)
        } == summed(shop, moment)
    say(f"museum 23: {DEEDS} deeds, {2 * MOMENTS} moments told as they were")


async def as_of(shop: Shop, moment: datetime) -> tuple[Stock, ...]:
    """Ask the ledger what it knew at a moment."""
    told = await explained(shop.ledger.engine, LAMP, moment, 1)
    assert told is not None
    return told.then_rows


def summed(shop: Shop, moment: datetime) -> dict[str, list[int]]:
    """Add up every entry until a moment, pile by pile."""
    legs = shop.database.rows(
        "SELECT location, source, target, quantity FROM movement WHERE sku = %s AND recorded_at <= %s",
        LAMP,
        moment,
    )
    piles = {location: dict.fromkeys(map(str, Pile), 0) for location, *_ in legs}
    for location, source, target, quantity in legs:
        piles[location][source] -= quantity
        piles[location][target] += quantity
    return {location: list(row.values()) for location, row in piles.items()}


@pytest.mark.proof
@pytest.mark.timeout(PATIENCE_SECONDS)
async def test_the_chain_of_every_row_holds_and_one_changed_unit_breaks_it(
    shop: Shop, say: Say
) -> None:
    """Formance hashes each log onto the one before it; a balance that can be edited proves nothing.

    Verified here from the documented fields alone, not by the query that operators use.
    """
    await a_busy_day(shop, Random())
    entries = await movements_of(shop.ledger.engine, LAMP, {}, 100_000)
    assert entries is not None
    for place in (BERLIN, MUNICH):
        row = [entry for entry in entries if entry.after.location == place]
        assert broken_links(row) == []
        forged = [*row]
        forged[len(row) // 2] = later(row[len(row) // 2])
        assert broken_links(forged) == [row[len(row) // 2].after.sequence]
    say(f"museum 23: {len(entries)} links of two chains")


def broken_links(entries: list[Movement]) -> list[int]:
    """Hash every entry onto its predecessor, and name those whose hash is another."""
    previous, broken = GENESIS_HASH, []
    for entry in entries:
        if chained(previous, hashed_values(entry)) != entry.after.hash:
            broken.append(entry.after.sequence)
        previous = entry.after.hash
    return broken


def later(entry: Movement) -> Movement:
    """Say that it happened a little later than it did."""
    return replace(entry, occurred_at=entry.occurred_at + timedelta(microseconds=1))
