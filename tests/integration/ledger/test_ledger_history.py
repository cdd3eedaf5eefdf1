"""What the past is told as: pages that leave nothing out, and moments that are as they were known then."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from api.history_answers import explained_answer
from ledger.commands import Command
from ledger.reading import history
from ledger.reading.history import Explained, explained, movements_of
from tests.integration.ledger.shop import Shop
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, MUNICH


async def explain(shop: Shop, at: datetime | None = None, limit: int = 500) -> Explained:
    """Explain the lamp."""
    told = await explained(shop.ledger.engine, LAMP, at, limit)
    assert told is not None
    return told


async def moment(shop: Shop) -> datetime:
    """Read the ledger's clock."""
    now: datetime = shop.database.value("SELECT clock_timestamp()")
    return now


def numbers(told: Explained) -> dict[str, tuple[int, ...]]:
    """Give each location's piles and what may be sold of it."""
    return {
        row.location: (row.sellable, row.reserved, row.sold, row.available, row.sequence)
        for row in told.then_rows
    }


async def test_any_past_moment_is_told_as_it_was_known_then(shop: Shop) -> None:
    """Random moments of a random history, each compared with what was read at that moment."""
    random = Random(7)
    await shop.stocked(60, location=BERLIN)
    await shop.stocked(40, location=MUNICH)
    seen: list[tuple[datetime, Any, Any]] = []
    for n in range(40):
        name = f"co_{n}"
        choices: list[list[Command]] = [
            cast.commands_to_hold(name),
            [*cast.commands_to_hold(name), cast.release(name)],
            cast.commands_to_fence(name),
            cast.commands_to_confirm(name),
            [warehouse.adjust(random.choice([-1, 2]), name=f"A{n}")],
            [warehouse.keep_back(random.randint(0, 5))],
            [cast.pause(location=MUNICH) if n % 2 else cast.resume(location=MUNICH)],
        ]
        await shop.ledger.post_batch(random.choice(choices))
        now = await explain(shop)
        holds = {(hold.reservation_id, hold.state, hold.quantity) for hold in now.holds}
        seen.append((await moment(shop), numbers(now), holds))
    for at, then, holds in random.sample(seen, len(seen)):
        told = await explain(shop, at)
        assert numbers(told) == then
        assert {(hold.reservation_id, hold.state, hold.quantity) for hold in told.holds} == holds
        reserved = sum(row.reserved for row in told.then_rows)
        assert sum(hold.quantity for hold in told.holds) == reserved


async def test_what_came_since_leads_from_then_to_now(shop: Shop) -> None:
    """The entries after a moment, in order, end with the rows as they are."""
    await shop.stocked(5)
    at = await moment(shop)
    await shop.tell(*cast.commands_to_confirm())
    await shop.stocked(3, location=MUNICH)
    told = await explain(shop, at)
    assert [movement.kind for movement in told.later] == ["reserve", "confirm", "receive"]
    last = {movement.after.location: movement.after for movement in told.later}
    assert last == {row.location: row for row in told.now_rows}
    assert [row.location for row in told.then_rows] == [BERLIN]


async def test_before_the_first_entry_there_was_nothing(shop: Shop) -> None:
    """And a sku that nobody knows is no empty one."""
    before = await moment(shop)
    await shop.stocked(5)
    assert (await explain(shop, before)).then_rows == ()
    assert await explained(shop.ledger.engine, "no-such-thing", None, 10) is None
    assert await movements_of(shop.ledger.engine, "no-such-thing", {}, 10) is None


async def test_a_hold_shows_the_time_it_had_at_that_moment(shop: Shop) -> None:
    """And is not shown once it is released, nor before it was made."""
    await shop.stocked(2)
    await shop.tell(cast.open_checkout())
    before = await moment(shop)
    await shop.tell(cast.reserve())
    during = await moment(shop)
    await shop.tell(cast.release())
    assert (await explain(shop, before)).holds == ()
    (hold,) = (await explain(shop, during)).holds
    assert (hold.reservation_id, hold.checkout_id, hold.state) == (f"{ADA}/1", ADA, "held")
    assert timedelta(0) < hold.expires_at - during <= timedelta(seconds=cast.TTL_SECONDS)
    assert (await explain(shop)).holds == ()


async def test_holds_far_back_in_a_long_history_are_found(shop: Shop) -> None:
    """One old hold under a thousand younger entries, and its end is seen when it comes."""
    await shop.stocked(700)
    await shop.tell(*cast.commands_to_hold("co_old"))
    for first in range(0, 600, 100):
        names = [f"co_{first + n}" for n in range(100)]
        await shop.tell(*(command for name in names for command in cast.commands_to_hold(name)))
        await shop.tell(*(cast.release(name) for name in names))
    assert [hold.checkout_id for hold in (await explain(shop)).holds] == ["co_old"]


async def test_a_hold_too_far_back_is_left_out_and_the_answer_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number stays right; only its explanation is not whole."""
    await shop.stocked(700)
    await shop.tell(*cast.commands_to_hold("co_old"))
    names = [f"co_{n}" for n in range(60)]
    await shop.tell(*(command for name in names for command in cast.commands_to_hold(name)))
    await shop.tell(*(cast.release(name) for name in names))
    whole = explained_answer(LAMP, await explain(shop), 500)

    monkeypatch.setattr(history, "_ENTRIES_AT_ONCE", 50)
    monkeypatch.setattr(history, "_ENTRIES_MOST", 100)
    cut = explained_answer(LAMP, await explain(shop), 500)

    assert (len(whole.holds), whole.holds_complete) == (1, True)
    assert (len(cut.holds), cut.holds_complete) == (0, False)
    assert cut.then.reserved == whole.then.reserved


async def test_pages_leave_nothing_out_while_others_write(shop: Shop) -> None:
    """Every entry once, each location's in order, though entries keep coming at both."""
    await shop.stocked(200, location=BERLIN)
    await shop.stocked(200, location=MUNICH)

    async def write(location: str) -> None:
        for n in range(30):
            await shop.ledger.post(warehouse.adjust(-1, location=location, name=f"{location}-{n}"))

    writing = asyncio.gather(write(BERLIN), write(MUNICH))
    read: list[tuple[str, int]] = []
    positions: dict[str, int] = {}
    while not writing.done() or len(read) < 62:
        page = await movements_of(shop.ledger.engine, LAMP, positions, 7)
        assert page is not None
        for movement in page:
            positions[movement.after.location] = movement.after.sequence
            read.append((movement.after.location, movement.after.sequence))
    await writing
    for place in (BERLIN, MUNICH):
        assert [n for location, n in read if location == place] == list(range(1, 32))
