"""What goes wrong elsewhere with the news: events of what never happened, lost ones, gaps, another order."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from random import Random
from typing import Any

import pytest

from events.relay import Relay
from ledger import crash_points
from ledger.database import engine
from ledger.errors import Broken
from ledger.posting import post_in
from tests.integration.events.conftest import Nats, open_relay, waiting
from tests.integration.ledger.shop import Shop, another_ledger
from tests.proof import size
from tests.unit.ledger import cast
from tests.unit.ledger.cast import LAMP, RUG, TEAPOT
from tests.workflows.shop import eventually

WRITERS = 50
RECEIPTS = size(share=6, full=200)
"""Of each writer."""
SLOW_SECONDS = 0.05
AT_ONCE = 20
RELAY_DEATHS = 5


class DiedError(Exception):
    """What a process does that is switched off, as far as one that goes on can."""


def by_subject(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    """List the sequences of each subject, as they came."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        found[event["subject"]].append(int(event["sequence"]))
    return found


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_fifty_writers_slow_commits_and_a_relay_that_dies_leave_no_gap(
    shop: Shop, bus: Nats
) -> None:
    """Formance's pipeline, and everybody who reads `id > last`: numbers commit out of order, and some are skipped.

    Each writer commits by itself, some long after they were given their numbers; the relay dies again and again
    with events out that it has not marked.
    """
    random = Random()
    pool = engine(shop.database.application_url, pool_size=AT_ONCE)
    gate = asyncio.Semaphore(AT_ONCE)
    deaths = 0

    async def write(writer: int) -> None:
        for n in range(RECEIPTS):
            lines = random.sample((LAMP, RUG, TEAPOT), random.randint(1, 2))
            # In the order of the keys, as the ledger itself locks them.
            commands = [
                cast.receive(1, sku, receipt=f"w{writer}-{n}-{sku}") for sku in sorted(lines)
            ]
            async with gate, pool.begin() as connection:
                await post_in(connection, commands)
                await asyncio.sleep(random.choice((0, 0, 0, SLOW_SECONDS)))

    async def dies(place: str, _of: str) -> None:
        nonlocal deaths
        if place == "relay.publish.after" and deaths < RELAY_DEATHS:
            deaths += 1
            raise DiedError

    async def carried(relay: Relay) -> bool:
        try:
            await relay.round()
        except DiedError:
            return False
        return waiting(shop) == 0

    async with open_relay(shop, bus.url) as relay, open_relay(shop, bus.url) as other:
        crash_points.arm(dies)
        try:
            writing = asyncio.gather(*(write(writer) for writer in range(WRITERS)))
            while not writing.done():
                await asyncio.gather(carried(relay), carried(other))
            await writing
            await eventually(lambda: carried(relay))
        finally:
            crash_points.arm(None)
    await pool.dispose()

    told = by_subject(await bus.events())
    written: dict[str, int] = dict(
        shop.database.rows("SELECT subject, max(sequence) FROM outbox GROUP BY subject")
    )
    assert deaths == RELAY_DEATHS
    assert sum(written.values()) > WRITERS * RECEIPTS
    assert told == {subject: list(range(1, last + 1)) for subject, last in written.items()}


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_no_event_is_seen_before_its_commit(shop: Shop, bus: Nats, ending: str) -> None:
    """vendure#1107: subscribers were told inside the transaction, looked, and found nothing; or it was undone."""
    pool = engine(shop.database.application_url, pool_size=1)
    async with open_relay(shop, bus.url) as relay:
        async with pool.connect() as late:
            await post_in(late, [cast.receive(1, RUG, receipt="late")])
            await relay.round()
            before = by_subject(await bus.events())
            await (late.commit() if ending == "commit" else late.rollback())
        await relay.round()
        after = by_subject(await bus.events())
    await pool.dispose()

    assert f"{RUG}/BER1" not in before
    assert after.get(f"{RUG}/BER1") == ([1] if ending == "commit" else None)


async def test_no_event_is_lost_after_its_commit(shop: Shop, bus: Nats) -> None:
    """medusa#15122: told in parallel with what could still be undone, from memory: who dies then tells nobody."""

    async def dies(place: str, _of: str) -> None:
        if place == "ledger.commit.after":
            raise DiedError

    await shop.stocked(3, RUG)
    await shop.tell(cast.open_checkout("co_ada", lines={RUG: 1}))
    async with another_ledger(shop.database) as doomed:
        crash_points.arm(dies)
        try:
            with pytest.raises(Broken):
                await doomed.post(cast.reserve("co_ada", {RUG: 1}))
        finally:
            crash_points.arm(None)
    async with open_relay(shop, bus.url) as relay:
        await relay.round()

    assert by_subject(await bus.events())[f"{RUG}/BER1"] == [1, 2]
