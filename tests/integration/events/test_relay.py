"""Every change leaves as an event: in order within its subject, at least once, whoever dies."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Any

import nats
import pytest
from nats.js.api import DiscardPolicy, StreamConfig
from structlog.testing import capture_logs

from dev.nats import running_nats
from dev.ports import free_port
from events.envelope import PREFIX
from events.jetstream import STREAM, JetStreamBus
from events.relay import AWAY, MOST_AT_ONCE, PUBLISHED, SHARDS_AT_ONCE, Relay
from ledger import crash_points, outbox
from ledger.database import engine
from ledger.posting import post_in
from tests.integration.events.conftest import Nats, open_relay, waiting
from tests.integration.ledger.shop import Shop
from tests.unit.ledger import cast
from tests.unit.ledger.cast import LAMP, MUNICH, RUG, TEAPOT
from tests.workflows.shop import eventually
from worker.alarm import ChannelAlarm
from worker.loops import run_loop

NEVER = 3_600.0
SOLD_AT_ONCE = 40


class DiedError(Exception):
    """What a process does that is switched off, as far as one that goes on can."""


def sent() -> float:
    """Count what relays of this process have had stored."""
    (family,) = PUBLISHED.collect()
    return sum(one.value for one in family.samples if one.name.endswith("_total"))


def sequences(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    """List the sequences of each subject, as they came."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        found[event["subject"]].append(int(event["sequence"]))
    return dict(found)


async def test_a_change_comes_out_with_how_things_stand_after_it(
    shop: Shop, relay: Relay, bus: Nats
) -> None:
    """Whoever hears only the last one knows all there is to know of its subject."""
    await shop.stocked(7)
    await relay.round()

    (event,) = [event for event in await bus.events() if event["type"] == "onhand.StockReceived.v1"]
    assert event["subject"] == f"{LAMP}/BER1"
    assert event["id"] == f"{LAMP}/BER1/1"
    assert event["data"]["piles"]["sellable"] == 7
    assert event["data"]["available"] == 7
    assert event["data"]["cause"] == {"kind": "receipt", "id": "goods-1"}
    assert waiting(shop) == 0


async def test_two_relays_carry_everything_once_and_in_order(
    shop: Shop, relay: Relay, bus: Nats
) -> None:
    """Each takes shards that the other has not. The bus would hide a second copy: so those sent are counted."""
    before = sent()
    async with open_relay(shop, bus.url) as other:
        for _ in range(SOLD_AT_ONCE):
            await asyncio.gather(
                *(shop.stocked(1, sku) for sku in (LAMP, RUG, TEAPOT)),
                shop.stocked(1, LAMP, MUNICH),
                relay.round(),
                other.round(),
            )
        await relay.round()

    told = sequences(await bus.events())
    assert set(told) == {
        LAMP,
        RUG,
        TEAPOT,
        *(f"{s}/BER1" for s in (LAMP, RUG, TEAPOT)),
        f"{LAMP}/MUC1",
    }
    assert told[f"{LAMP}/BER1"] == list(range(1, SOLD_AT_ONCE + 1))
    assert all(numbers == sorted(set(numbers)) for numbers in told.values())
    assert sent() - before == sum(len(numbers) for numbers in told.values())
    assert waiting(shop) == 0


async def test_what_somebody_carries_is_passed_over_and_not_waited_for(
    shop: Shop, relay: Relay
) -> None:
    """One that takes long keeps nobody from the other shards."""
    query = "SELECT DISTINCT shard FROM outbox WHERE published_at IS NULL"
    all_shards = {shard for (shard,) in shop.database.rows(query)}
    async with (
        relay.outbox.claimed(first=0, most=1) as slow,
        relay.outbox.claimed(first=0, most=outbox.SHARDS) as quick,
    ):
        claimed = [set(slow.shards), set(quick.shards)]

    assert len(claimed[0]) == 1
    assert claimed[1] == all_shards - claimed[0] != set()


def lay_out(shop: Shop, of_each: int) -> None:
    """Have so many events wait in every shard, beside what the shop has written."""
    shop.database.run(
        "INSERT INTO outbox (subject, sequence, shard, type, payload, recorded_at)"
        " SELECT 'thing-' || shard || '-' || %s, sequence, shard, type, payload, clock_timestamp()"
        " FROM (SELECT type, payload FROM outbox LIMIT 1) AS written,"
        "   generate_series(0, %s) AS shard, generate_series(1, %s) AS sequence",
        of_each,
        outbox.SHARDS - 1,
        of_each,
    )


async def test_of_little_all_is_carried_at_once_and_of_much_a_quarter(
    shop: Shop, relay: Relay, bus: Nats
) -> None:
    """Nothing little waits for its turn; where much waits, others find shards that are free."""
    lay_out(shop, 1)
    assert await relay.carry() > outbox.SHARDS
    assert waiting(shop) == 0

    lay_out(shop, 2 * MOST_AT_ONCE // outbox.SHARDS)
    assert await relay.carry() == MOST_AT_ONCE
    await relay.carry()
    query = "SELECT DISTINCT shard FROM outbox WHERE published_at IS NULL"
    assert len(shop.database.rows(query)) == outbox.SHARDS - SHARDS_AT_ONCE


async def test_one_that_had_no_bus_leaves_shards_to_others(
    shop: Shop, relay: Relay, away: Nats
) -> None:
    """It may be its own way there that is cut."""
    lay_out(shop, 1)
    await relay.round()
    with running_nats(away.directory, port=away.port):
        carried_first = await relay.carry()

    assert SHARDS_AT_ONCE <= carried_first < outbox.SHARDS
    assert waiting(shop) > 0


async def test_who_dies_between_publishing_and_marking_loses_nothing(
    shop: Shop, relay: Relay, bus: Nats
) -> None:
    """The next one publishes again what is out already; the bus knows it by its id."""
    await shop.stocked(1)

    async def dies(place: str, of: str) -> None:
        if place == "relay.publish.after":
            raise DiedError

    crash_points.arm(dies)
    try:
        with pytest.raises(DiedError):
            await relay.round()
    finally:
        crash_points.arm(None)
    before = waiting(shop)
    await relay.round()

    assert before == 4
    assert waiting(shop) == 0
    assert sequences(await bus.events()) == {LAMP: [1], RUG: [1], TEAPOT: [1], f"{LAMP}/BER1": [1]}


async def test_what_commits_late_is_not_passed_over(shop: Shop, relay: Relay, bus: Nats) -> None:
    """Its number is lower than those that are out already."""
    pool = engine(shop.database.application_url, pool_size=1)
    async with pool.begin() as late:
        await post_in(late, [cast.receive(1, RUG, receipt="slow")])
        for _ in range(SOLD_AT_ONCE):
            await shop.stocked(1)
        await relay.round()
        out = sequences(await bus.events())
    await relay.round()
    await pool.dispose()

    assert f"{RUG}/BER1" not in out
    assert out[f"{LAMP}/BER1"] == list(range(1, SOLD_AT_ONCE + 1))
    assert sequences(await bus.events())[f"{RUG}/BER1"] == [1]


async def test_without_a_bus_the_shop_goes_on_and_the_events_wait(
    shop: Shop, relay: Relay, away: Nats
) -> None:
    """They are all there when it comes, and again when it came back."""
    await shop.stocked(1)
    await relay.round()
    missed = waiting(shop)
    with running_nats(away.directory, port=away.port):
        await eventually(lambda: carried(shop, relay))
        await shop.stocked(1)
        await relay.round()
    await shop.stocked(1)
    await relay.round()
    missed_again = waiting(shop)
    with running_nats(away.directory, port=away.port):
        await eventually(lambda: carried(shop, relay))
        told = sequences(await away.events())

    assert (missed, missed_again) == (4, 1)
    assert told == {LAMP: [1], RUG: [1], TEAPOT: [1], f"{LAMP}/BER1": [1, 2, 3]}


async def test_a_bus_that_is_lost_is_asked_for_nothing(
    shop: Shop, relay: Relay, away: Nats
) -> None:
    """Or the driver would keep what it is given, and send it whenever it is connected again."""
    with running_nats(away.directory, port=away.port):
        await relay.round()
        assert isinstance(relay.bus, JetStreamBus)
        client = relay.bus.connection._client
        assert client is not None

    async def lost() -> bool:
        return not client.is_connected

    await eventually(lost)
    await shop.stocked(1)
    before, sent_before = AWAY.labels("bus-disconnected")._value.get(), client.stats["out_msgs"]
    await relay.round()

    assert AWAY.labels("bus-disconnected")._value.get() == before + 1
    assert client.stats["out_msgs"] == sent_before
    assert waiting(shop) == 1


async def carried(shop: Shop, relay: Relay) -> bool:
    """Carry; tell whether nothing waits any more."""
    await relay.round()
    return waiting(shop) == 0


async def test_of_a_cluster_one_server_is_enough(shop: Shop, bus: Nats) -> None:
    """Addresses are separated by commas, with spaces or without; the first may be away."""
    two = f"nats://127.0.0.1:{free_port()} , {bus.url}"
    async with open_relay(shop, two) as relay:
        await relay.round()

    assert waiting(shop) == 0


@pytest.mark.parametrize("url", ["nowhere", "http://127.0.0.1:1", "nats://", ""])
async def test_an_address_that_is_none_is_a_bus_that_is_away(shop: Shop, url: str) -> None:
    """It is said, and the relay lives to be told a better one at its next start."""
    before = AWAY.labels("bus-unreachable")._value.get()
    async with open_relay(shop, url) as relay:
        await relay.round()

    assert AWAY.labels("bus-unreachable")._value.get() == before + 1


async def test_a_connection_that_is_closed_for_good_is_made_anew(
    shop: Shop, relay: Relay, bus: Nats
) -> None:
    """The driver gives up on some errors of the server, and comes back by itself from none of those."""
    await relay.round()
    assert isinstance(relay.bus, JetStreamBus)
    assert relay.bus.connection._client is not None
    await relay.bus.connection._client.close()
    await shop.stocked(1)

    await eventually(lambda: carried(shop, relay))

    assert sequences(await bus.events())[f"{LAMP}/BER1"] == [1]


async def test_a_stream_that_is_gone_is_made_again(shop: Shop, relay: Relay, bus: Nats) -> None:
    """Whoever took it away has lost what was in it, and nothing else."""
    await relay.round()
    client = await nats.connect(bus.url)
    await client.jetstream().delete_stream(STREAM)
    await client.close()
    await shop.stocked(1)

    await eventually(lambda: carried(shop, relay))

    assert sequences(await bus.events()) == {f"{LAMP}/BER1": [1]}


async def test_a_stream_that_its_operator_made_stays_as_it_is(
    shop: Shop, relay: Relay, bus: Nats
) -> None:
    """How long it keeps what, and on how many servers, is theirs to say."""
    client = await nats.connect(bus.url)
    theirs = StreamConfig(
        name=STREAM, subjects=[f"{PREFIX}.stock.>", f"{PREFIX}.product.>"], max_age=60
    )
    await client.jetstream().add_stream(theirs)
    await relay.round()
    kept = await client.jetstream().stream_info(STREAM)
    await client.close()

    assert waiting(shop) == 0
    assert (kept.config.max_age, kept.state.messages) == (60, 3)


async def test_a_full_stream_is_said_and_nothing_counts_as_out_that_is_not_in_it(
    shop: Shop, relay: Relay, bus: Nats
) -> None:
    """As the runbook tells it; given room, it goes on."""
    client = await nats.connect(bus.url)
    stream = client.jetstream()
    small = StreamConfig(
        name=STREAM,
        subjects=[f"{PREFIX}.stock.>", f"{PREFIX}.product.>"],
        max_msgs=2,
        discard=DiscardPolicy.NEW,
    )
    await stream.add_stream(small)
    before = AWAY.labels("nothing-stored")._value.get()
    with capture_logs() as told:
        await relay.round()
    left = waiting(shop)
    small.max_msgs = 1_000
    await stream.update_stream(small)
    await client.close()
    await relay.round()

    assert left == 1
    assert AWAY.labels("nothing-stored")._value.get() == before + 1
    # What is refused is heard of: nobody waits for it, with shards in hand, as for an answer that was lost.
    assert "not all published" not in [line["event"] for line in told]
    assert sequences(await bus.events()) == {LAMP: [1], RUG: [1], TEAPOT: [1]}


@pytest.mark.parametrize("change", ["stock", "product"])
async def test_a_change_wakes_the_relay(shop: Shop, relay: Relay, bus: Nats, change: str) -> None:
    """Its interval is only a net."""
    alarm = ChannelAlarm(shop.ledger.engine, outbox.CHANNEL)
    loop = asyncio.create_task(run_loop("relay", relay.round, NEVER, alarm))
    await eventually(lambda: nothing_waits(shop))
    await eventually(lambda: listening(shop))

    await (shop.stocked(1) if change == "stock" else shop.offers("new-lamp"))
    await eventually(lambda: nothing_waits(shop))

    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop
    await alarm.close()
    assert len(await bus.events()) == 4


async def nothing_waits(shop: Shop) -> bool:
    """Tell whether everything is out."""
    return waiting(shop) == 0


async def listening(shop: Shop) -> bool:
    """Tell whether somebody waits for the outbox."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query = 'LISTEN onhand_outbox'"
    )
    return bool(shop.database.value(query))


async def test_the_backlog_is_told_with_its_age(shop: Shop, relay: Relay) -> None:
    """What waits for long is an alert."""
    await shop.stocked(1)
    shop.database.run("UPDATE outbox SET recorded_at = recorded_at - interval '90 seconds'")

    backlog = await relay.outbox.backlog()

    assert backlog.waiting == 4
    assert 90 <= backlog.age.total_seconds() < 200
