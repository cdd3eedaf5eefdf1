"""A row of stock is there because something came to lie in it, and not because somebody asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ledger import policies
from ledger.commands import AdjustmentKind, Command, Quantity
from ledger.posting import post_in
from ledger.rules.stock import LOCATION_DISABLED
from tests.integration.ledger.shop import PRIORITIES, Shop
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH, RUG, TEAPOT

UNKNOWN = Quantity(sku="no-such", quantity=1)
TWO_LINES = (Quantity(sku=RUG, quantity=1), Quantity(sku=LAMP, quantity=1))


def location(name: str, *, enabled: bool) -> policies.Location:
    """Make a warehouse as the shop has it, open or closed."""
    return policies.Location(
        location=name,
        kind="warehouse",
        seller=None,
        reports="free",
        priority=PRIORITIES[name],
        enabled=enabled,
    )


def rows(shop: Shop) -> list[tuple[object, ...]]:
    """List every row of stock."""
    return shop.database.rows("SELECT sku, location FROM stock ORDER BY 1, 2")


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        (replace(cast.receive(1, RUG), lines=(*TWO_LINES, UNKNOWN)), "unknown-sku"),
        (cast.receive(1, RUG, "NOWHERE"), "unknown-location"),
        (warehouse.take_back(2, location=MUNICH), "more-than-shipped"),
        (warehouse.take_back(1, RUG, MUNICH), "more-than-shipped"),
        (warehouse.take_back(location=MUNICH), "waiting"),
        (warehouse.take_back(location=MUNICH, order="co_nobody"), "waiting"),
        (warehouse.adjust(1, location=MUNICH, version=7), "stale-version"),
        (warehouse.adjust(-1, location=MUNICH), "pile-too-small"),
        (warehouse.adjust(1, AdjustmentKind.REGRADE, location=MUNICH), "pile-too-small"),
        (warehouse.arrive(3, transfer="T9"), "more-than-sent"),
        (warehouse.keep_back(0, location=MUNICH), "accepted"),
        (warehouse.buffer(0, location=MUNICH), "accepted"),
        (cast.resume(location=MUNICH), "accepted"),
    ],
)
async def test_what_brings_nothing_leaves_no_row(
    shop: Shop, command: Command, becomes: str
) -> None:
    """Refused, waiting or without effect: the row is not made, also beside a neighbour that makes its own."""
    await shop.stocked(3)
    await shop.tell(*cast.commands_to_confirm())
    await shop.tell(warehouse.send(2, transfer="T9"))
    answer, neighbour = await shop.ledger.post_batch(
        [command, cast.receive(1, TEAPOT, receipt="r-2")]
    )
    told = answer.error.code if answer.error else "waiting" if answer.waiting else "accepted"
    assert (told, neighbour.error) == (becomes, None)
    assert rows(shop) == [(TEAPOT, BERLIN), (LAMP, BERLIN)]


async def test_a_row_wanted_by_a_refused_and_an_accepted_receipt_is_made(shop: Shop) -> None:
    """Each document's rows are a group of their own."""
    refused = replace(cast.receive(1, RUG), lines=(*TWO_LINES, UNKNOWN))
    accepted = cast.receive(1, LAMP, receipt="r-2")
    answers = await shop.ledger.post_batch([refused, accepted])
    assert [answer.error is None for answer in answers] == [False, True]
    assert rows(shop) == [(LAMP, BERLIN)]


async def test_a_row_of_a_stale_adjustment_and_a_receipt_is_made(shop: Shop) -> None:
    """One row, wanted twice in one batch, once in vain."""
    answers = await shop.ledger.post_batch(
        [warehouse.adjust(1, version=7), cast.receive(1), warehouse.adjust(1, name="A2")]
    )
    assert [answer.error is None for answer in answers] == [False, True, True]
    assert shop.pile("sellable") == 2


async def test_only_what_arrives_of_a_transfer_makes_its_row(shop: Shop) -> None:
    """The rest goes on travelling, and lies nowhere."""
    await shop.stocked(3)
    await shop.stocked(3, RUG)
    both = (Quantity(sku=LAMP, quantity=1), Quantity(sku=RUG, quantity=1))
    await shop.tell(replace(warehouse.send(), lines=both))
    await shop.tell(warehouse.arrive())
    assert rows(shop) == [(LAMP, BERLIN), (LAMP, MUNICH), (RUG, BERLIN)]


async def test_an_empty_row_is_born_as_its_location_is_in_the_end(shop: Shop) -> None:
    """An older version left it. Enabled while the first goods come in: it waits for them, and resumes them."""
    shop.database.run("INSERT INTO stock (sku, location) VALUES (%s, %s)", LAMP, BERLIN)
    engine = shop.ledger.engine
    shop.database.run("UPDATE location SET enabled = false WHERE location = %s", BERLIN)
    async with engine.connect() as connection:
        await post_in(connection, [cast.receive(1)])
        enabling = asyncio.create_task(
            policies.put_location(engine, location(BERLIN, enabled=True), "olga")
        )
        while not enabling.done() and not shop.database.value(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0)
        await connection.commit()
    await enabling
    assert shop.database.rows("SELECT paused FROM stock") == [([],)]
    assert shop.database.rows("SELECT reason FROM movement WHERE kind = 'resume'") == [
        (LOCATION_DISABLED,)
    ]
