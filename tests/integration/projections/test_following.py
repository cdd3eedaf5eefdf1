"""A noticeboard follows the ledger, whatever the bus does to the events on their way."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import nats
import orjson
import pytest

from dev.nats import running_nats
from events.connection import STREAM
from events.envelope import message, topic
from events.reading import Event, read
from ledger import outbox
from ledger.outgoing import Written
from projections.keeping import Keeper
from tests.copies import Database
from tests.integration.events.conftest import Nats
from tests.integration.ledger.busy_world import live_through
from tests.integration.ledger.shop import Shop
from tests.integration.projections.conftest import NAMES, SHORTLY, Board, open_office, settle
from tests.proof import size
from tests.unit.ledger import cast
from tests.unit.ledger.cast import LAMP, RUG
from tests.workflows.shop import eventually

ROUNDS = size(share=1, full=20)


def bodies(database: Database) -> list[tuple[str, bytes]]:
    """Give every event as it goes over the bus, with its topic, in the order of the outbox."""
    rows = database.rows(
        "SELECT id, shard, subject, sequence, type, version, recorded_at, payload::text AS payload"
        " FROM outbox ORDER BY id"
    )
    names = ("id", "shard", "subject", "sequence", "type", "version", "recorded_at", "payload")
    written = [message(Written(**dict(zip(names, row, strict=True)))) for row in rows]
    return [(one.topic, one.body) for one in written]


def events(database: Database) -> list[Event]:
    """Give every event as a consumer reads it."""
    return [read(body) for _, body in bodies(database)]


async def heed(board: Board, told: list[Event], generation: int) -> None:
    """Bring them, in batches of any size."""
    rest = list(told)
    while rest:
        size = random.randint(1, 40)
        await board.office.named(board.name).apply(generation, rest[:size])
        rest = rest[size:]


async def standing(board: Board, number: int) -> int:
    """Make room for a generation that nobody fills."""
    generations = board.office.desk.generations
    for unused in await generations.unused(board.name):
        await generations.forget(board.name, unused)
    return await generations.begin(board.name, stream=f"none {number}")


async def test_what_the_ledger_says_is_shown(board: Board, bus: Nats) -> None:
    """From the first start on, and after each change."""
    await board.shop.stocked(5)
    await board.settle()
    await board.shop.stocked(2, RUG)
    await board.shop.opened("co_ada")
    await board.settle()

    assert await board.equals_the_ledger()
    assert await board.live() == 1


@pytest.mark.proof
async def test_shuffled_doubled_and_in_order_end_the_same(shop: Shop, boards: list[Board]) -> None:
    """Byte for byte, in batches of any size."""
    await live_through(shop.database)
    told = events(shop.database)
    for board in boards:
        whole = await board.built()
        first = await standing(board, 0)
        await heed(board, told, first)
        assert await board.entries(first) == whole

        for n in range(1, ROUNDS + 1):
            mixed = told + random.sample(told, len(told) // 3)
            random.shuffle(mixed)
            number = await standing(board, n)
            await heed(board, mixed, number)
            assert await board.entries(number) == whole
            await board.office.named(board.name).drop(number)


async def test_what_is_lost_heals_with_the_next_event_of_its_key(
    shop: Shop, boards: list[Board]
) -> None:
    """Any events are lost, but for the last of each subject."""
    await live_through(shop.database)
    told = events(shop.database)
    last = {event.subject: event for event in told}
    kept = [event for event in told if event is last[event.subject] or random.random() < 0.6]
    assert len(kept) < len(told)

    for board in boards:
        number = await standing(board, 0)
        await heed(board, kept, number)

        assert await board.entries(number) == await board.built()


async def test_a_stream_that_is_shuffled_and_doubled_ends_as_the_ledger(
    shop: Shop, boards: list[Board], bus: Nats
) -> None:
    """Over the bus itself, with a place in the stream and everything."""
    await settle(boards)
    await live_through(shop.database)
    told = bodies(shop.database)
    mixed = told + random.sample(told, len(told) // 3)
    random.shuffle(mixed)
    await publish(bus, mixed)

    for board in boards:
        await eventually(board.has_heard_all)
        assert await board.equals_the_ledger()
        assert await board.office.desk.letters.open(board.name) == []


async def test_two_who_follow_share_the_work(shop: Shop, boards: list[Board], bus: Nats) -> None:
    """Each event goes to one of them, and all are heeded."""
    await settle(boards)
    await live_through(shop.database)
    async with open_office(shop, bus.url) as office:
        for board in boards:
            other = Keeper(office.desk, office.named(board.name), wait_seconds=SHORTLY)

            async def all_heard(board: Board = board, other: Keeper = other) -> bool:
                settled, _ = await asyncio.gather(board.is_settled(), other.round())
                return settled

            await eventually(all_heard)
            assert await board.equals_the_ledger()


async def test_a_place_that_the_bus_lost_is_made_anew_from_the_ledger(
    board: Board, bus: Nats
) -> None:
    """What was missed meanwhile is not on its way any more: it is in the ledger."""
    await board.settle()
    await board.office.desk.following(board.name, 1).end()
    await board.shop.stocked(3)
    await board.relay.round()

    await board.settle()

    assert await board.live() == 2
    assert await board.equals_the_ledger()


async def test_a_bus_that_lost_everything_is_followed_anew(board: Board, away: Nats) -> None:
    """Its positions begin again, and mean nothing to what was kept."""
    with running_nats(away.directory, port=away.port):
        await board.shop.stocked(3)
        await board.settle()
    elsewhere = away.directory.with_name("other")
    with running_nats(elsewhere, port=away.port):
        await board.shop.stocked(4, LAMP)

        async def followed() -> bool:
            return await board.is_settled() and await board.live() == 2

        await eventually(followed)
        assert await board.equals_the_ledger()


async def test_what_the_stream_no_longer_has_is_taken_from_the_ledger(
    board: Board, bus: Nats
) -> None:
    """Whoever was away for longer than events are kept cannot be caught up by them."""
    await board.settle()
    await board.look()
    await board.shop.stocked(3)
    await board.relay.round()
    client = await nats.connect(bus.url)
    await client.jetstream().purge_stream(STREAM)
    await client.close()

    async with open_office(board.shop, bus.url) as office:
        board.keeper = Keeper(office.desk, office.named(board.name), wait_seconds=SHORTLY)
        await board.settle()

    assert await board.live() == 2
    assert await board.equals_the_ledger()


async def publish(bus: Nats, told: list[tuple[str, bytes]]) -> None:
    """Put bodies on the stream as somebody else than the relay would: without an id to know repeats by."""
    client = await nats.connect(bus.url)
    stream = client.jetstream()
    for where, body in told:
        await stream.publish(where, body)
    await client.close()


def spoilt(random_: random.Random) -> tuple[str, bytes]:
    """Make an event of a subject that nobody can read."""
    good: dict[str, Any] = {
        "type": "onhand.StockReceived.v1",
        "id": "x/y/1",
        "subject": f"{LAMP}/BER1",
        "sequence": "1",
        "data": {},
    }
    broken = random_.choice(
        (
            b"\xff\x00 not JSON",
            b"",
            orjson.dumps([1, 2]),
            orjson.dumps(good),
            orjson.dumps({**good, "type": "onhand.StockReceived.v99"}),
            orjson.dumps({**good, "type": "onhand.SomethingElse.v1"}),
            orjson.dumps({**good, "sequence": "first"}),
        )
    )
    return topic(f"{random_.choice((LAMP, RUG))}/BER1"), broken


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_poison_anywhere_stops_nobody_else(
    shop: Shop, boards: list[Board], bus: Nats, seed: int
) -> None:
    """Each is put aside once by each, with a reason; the next event of its key closes it."""
    random_ = random.Random(seed)
    await settle(boards)
    await live_through(shop.database)
    told = bodies(shop.database)
    poison = [spoilt(random_) for _ in range(20)]
    for one in poison:
        told.insert(random_.randrange(len(told) + 1), one)
    # The last word of each subject that was spoilt is a good one.
    await publish(bus, told)
    await settle(boards)

    letters = shop.database.rows(
        "SELECT projection, code, state FROM projections.dead_letter ORDER BY position"
    )
    assert Counter(name for name, _, _ in letters) == dict.fromkeys(NAMES, len(poison))
    assert {code for _, code, _ in letters} <= {
        *("no-event", "misshapen-payload", "newer-version", "unknown-type")
    }
    for board in boards:
        assert await board.equals_the_ledger()

    await shop.tell(*(cast.receive(1, sku, receipt=f"later-{sku}") for sku in (LAMP, RUG)))
    await settle(boards)

    assert await boards[0].office.desk.letters.open() == []
    assert {state for _, _, state in letters} <= {"open", "overtaken"}
    for board in boards:
        assert await board.equals_the_ledger()


def test_every_event_has_a_version(database: Database) -> None:
    """What `spoilt` relies on: version 99 is newer than any."""
    assert max(outbox.version_of(kind) for kind in outbox.EVENT_TYPES.values()) < 99
