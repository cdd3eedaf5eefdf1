"""Several events published as one: all are stored or none, and whoever takes no batches is given each alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import nats
import orjson
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import StreamConfig
from sqlalchemy import text
from structlog.testing import capture_logs

from events import jetstream
from events.batches import MOST_AT_ONCE, Answer, publish_as_one
from events.connection import ANSWERED_WITHIN_SECONDS, CONNECT_SECONDS
from events.envelope import PREFIX, Message
from events.jetstream import PUBLISHED_WITHIN_SECONDS, STREAM, JetStreamBus
from ledger.transactions import rows_of
from tests.integration.events.conftest import Nats
from tests.integration.ledger.shop import Shop

BATCH = "Nats-Batch-Id"


@pytest.fixture
async def publisher(bus: Nats) -> AsyncIterator[JetStreamBus]:
    """Give a bus to publish on; its stream is there."""
    opened = JetStreamBus(bus.url)
    await opened.publish([])
    yield opened
    await opened.close()


@pytest.fixture
async def client(bus: Nats) -> AsyncIterator[Client]:
    """Give a connection of somebody else."""
    opened = await nats.connect(bus.url)
    yield opened
    await opened.close()


def some(count: int, *, of: str = "LAMP") -> list[Message]:
    """Make the first events of a product, in their order."""
    return [
        Message(
            id=f"{of}/BER1/{number}",
            topic=f"{PREFIX}.stock.{of}.BER1",
            body=orjson.dumps({"id": f"{of}/BER1/{number}"}),
        )
        for number in range(1, count + 1)
    ]


async def batches(client: Client, count: int) -> list[str | None]:
    """Tell by which batch each of the first so many of the stream came."""
    stream = client.jetstream()
    stored = [await stream.get_msg(STREAM, number) for number in range(1, count + 1)]
    return [(message.headers or {}).get(BATCH) for message in stored]


def ids(told: Sequence[dict[str, Any]]) -> list[str]:
    """Name events in the order in which they were read."""
    return [event["id"] for event in told]


async def test_several_are_one_batch(publisher: JetStreamBus, bus: Nats, client: Client) -> None:
    """So the disk is synced once for all; the answer comes when they are on it."""
    sent = some(5)
    stored = await publisher.publish(sent)

    assert stored == [True] * 5
    assert ids(await bus.events()) == [message.id for message in sent]
    (batch, *others) = await batches(client, 5)
    assert batch is not None
    assert others == [batch] * 4


async def test_one_alone_is_no_batch(publisher: JetStreamBus, client: Client) -> None:
    """A batch of one would be more work, for nothing."""
    assert await publisher.publish(some(1)) == [True]
    assert await batches(client, 1) == [None]


async def test_more_than_a_batch_takes_stay_in_order(publisher: JetStreamBus, bus: Nats) -> None:
    """One batch is stored before the next begins."""
    sent = some(MOST_AT_ONCE + 201)

    assert await publisher.publish(sent) == [True] * len(sent)
    assert ids(await bus.events()) == [message.id for message in sent]


@pytest.mark.parametrize("before", [1, 3, 4, 5])
async def test_what_is_stored_already_is_stored_once(
    publisher: JetStreamBus, bus: Nats, before: int
) -> None:
    """A relay that died between publishing and marking is followed by one that sends the same again."""
    sent = some(5)
    await publisher.publish(sent[:before])

    assert await publisher.publish(sent) == [True] * 5
    assert ids(await bus.events()) == [message.id for message in sent]


async def test_a_batch_that_is_never_ended_leaves_nothing(
    publisher: JetStreamBus, bus: Nats, client: Client
) -> None:
    """Whoever died while sending has stored none, and no id of it counts as known."""
    sent = some(3)
    for place, message in enumerate(sent[:2], start=1):
        headers = {"Nats-Msg-Id": message.id, BATCH: "dies", "Nats-Batch-Sequence": str(place)}
        await client.publish(message.topic, message.body, headers=headers)
    await client.flush()

    assert await bus.events() == []
    assert await publisher.publish(sent) == [True] * 3
    assert ids(await bus.events()) == [message.id for message in sent]


async def test_a_stream_that_allows_none_is_asked_once(
    publisher: JetStreamBus, bus: Nats, client: Client
) -> None:
    """It is its operator's, or of an earlier version: each event goes alone, from then on at once."""
    stream = client.jetstream()
    await stream.delete_stream(STREAM)
    await stream.add_stream(StreamConfig(name=STREAM, subjects=[f"{PREFIX}.stock.>"]))
    sent = some(4)
    with capture_logs() as logged:
        assert await publisher.publish(sent[:2]) == [True] * 2
        assert await publisher.publish(sent[2:]) == [True] * 2

    assert [line["event"] for line in logged] == ["bus takes no batches"]
    assert ids(await bus.events()) == [message.id for message in sent]


@pytest.mark.parametrize("place", range(3))
async def test_what_no_stream_takes_keeps_nothing_else_from_it(
    publisher: JetStreamBus, bus: Nats, client: Client, place: int
) -> None:
    """An operator's stream may leave some subjects out; the rest of the batch is stored all the same."""
    stream = client.jetstream()
    await stream.delete_stream(STREAM)
    await stream.add_stream(
        StreamConfig(name=STREAM, subjects=[f"{PREFIX}.stock.>"], allow_atomic=True)
    )
    sent = some(2)
    sent.insert(place, Message(id="LAMP/1", topic=f"{PREFIX}.product.LAMP", body=b"{}"))

    stored = await publisher.publish(sent)

    assert stored == [number != place for number in range(3)]
    assert ids(await bus.events()) == [message.id for message in some(2)]


async def test_what_is_too_large_is_all_that_is_not_stored(
    publisher: JetStreamBus, bus: Nats
) -> None:
    """It is refused before it is sent; what comes before it is carried."""
    whole = some(3)
    sent = [*whole[:2], replace(whole[2], body=b"x" * 2_000_000)]

    assert await publisher.publish(sent) == [True, True, False]
    assert ids(await bus.events()) == [message.id for message in whole[:2]]


async def test_a_round_takes_less_time_than_postgres_gives_an_idle_transaction(shop: Shop) -> None:
    """Or the shards would be somebody else's while this relay still publishes."""
    most = (
        CONNECT_SECONDS  # to connect
        + 2 * ANSWERED_WITHIN_SECONDS  # is the stream there, and to make it
        + PUBLISHED_WITHIN_SECONDS
        + CONNECT_SECONDS  # to close
    )
    (row,) = await rows_of(shop.ledger.engine, text("SHOW idle_in_transaction_session_timeout"))
    allowed = row["idle_in_transaction_session_timeout"]
    assert allowed.endswith("s")
    assert most < float(allowed.removesuffix("s"))


async def test_a_stream_that_comes_to_allow_them_is_asked_again(
    publisher: JetStreamBus, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its operator changes it while a relay runs: after some minutes that is noticed."""
    monkeypatch.setattr(jetstream, "ONE_BY_ONE_FOR_SECONDS", 0.0)
    stream = client.jetstream()
    await stream.delete_stream(STREAM)
    theirs = StreamConfig(name=STREAM, subjects=[f"{PREFIX}.stock.>"])
    await stream.add_stream(theirs)
    await publisher.publish(some(2))
    await stream.update_stream(replace(theirs, allow_atomic=True))
    await publisher.publish(some(2, of="RUG"))

    *alone, first, second = await batches(client, 4)
    assert alone == [None, None]
    assert first is not None
    assert first == second


async def test_another_connection_is_asked_anew(publisher: JetStreamBus, client: Client) -> None:
    """What one server did not take, the next may: servers are replaced one by one."""
    stream = client.jetstream()
    allowing = (await stream.stream_info(STREAM)).config
    await stream.delete_stream(STREAM)
    await stream.add_stream(StreamConfig(name=STREAM, subjects=[f"{PREFIX}.stock.>"]))
    await publisher.publish(some(2))
    await stream.delete_stream(STREAM)
    await stream.add_stream(allowing)
    await publisher.close()
    await publisher.publish(some(2, of="RUG"))

    first, second = await batches(client, 2)
    assert first is not None
    assert first == second


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ({"stream": STREAM, "seq": 2}, Answer(is_stored=False, is_worth_trying=False)),
        ({"stream": STREAM, "seq": 2, "batch": "another's", "count": 2}, Answer(False, False)),
        ({"error": {"code": 400, "err_code": 10177}}, Answer(False, is_worth_trying=False)),
        ({"error": {"code": 400, "err_code": 10199}}, Answer(False, is_worth_trying=True)),
    ],
)
async def test_servers_of_other_versions_are_understood(
    client: Client, told: dict[str, Any], answer: Answer
) -> None:
    """One that knows no batches stores the last event alone: nothing of that counts as a batch stored."""

    async def answering(message: Msg) -> None:
        if message.reply:
            await message.respond(orjson.dumps(told))

    await client.subscribe("elsewhere.>", cb=answering)
    two = [Message(id=name, topic=f"elsewhere.{name}", body=b"{}") for name in "ab"]

    assert await publish_as_one(client, two, 2.0) == answer
