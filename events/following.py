"""How a consumer takes events off the bus: from a place in the stream, which the bus keeps for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from events.bus import BusAway
from events.connection import STREAM, Connection

DONE_WITHIN = timedelta(seconds=3)
"""After that the bus gives it to whoever asks: longer than a batch takes, since it only costs a repetition."""
MOST_UNDER_WAY = 4_000


class PlaceLostError(Exception):
    """The bus no longer knows this place, or no longer has what follows it: what was missed is in the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event as it came. `position` is its own on the stream, however often it is delivered."""

    position: int
    topic: str
    body: bytes
    message: Msg = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """Which stream it is, by when it was made, and the positions it holds."""

    made: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a place has come: everything up to `settled` is done, and so many are still to be done.

    Of a cluster, each server knows the stream as far as it has it: `behind` may leave out the newest.
    """

    settled: int
    behind: int


class Following:
    """A place in the stream. Several may take from it: each event goes to one of them, until it is done."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.connection = connection
        self.name = name
        self._taken_from: tuple[JetStreamContext, JetStreamContext.PullSubscription] | None = None

    async def begin(self, topics: Sequence[str], *, after: int) -> None:
        """Keep a place behind that position, for events of these topics. Raises BusAway."""
        stream = await self.connection.stream()
        try:
            await stream.add_consumer(
                STREAM,
                ConsumerConfig(
                    durable_name=self.name,
                    deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                    opt_start_seq=after + 1,
                    ack_policy=AckPolicy.EXPLICIT,
                    ack_wait=DONE_WITHIN.total_seconds(),
                    max_deliver=-1,
                    max_ack_pending=MOST_UNDER_WAY,
                    filter_subjects=list(topics),
                ),
            )
        except (APIError, nats.errors.Error, OSError) as error:
            raise BusAway("place-not-kept") from error

    async def take(self, *, most: int, seconds: float, linger_seconds: float) -> list[Delivery]:
        """Wait that long for an event, and take those that come with it. Raises BusAway, PlaceLostError."""
        subscription = await self._subscription()
        try:
            messages = await subscription.fetch(1, timeout=seconds)
            if most > 1:
                with suppress(TimeoutError):
                    messages += await subscription.fetch(most - 1, timeout=linger_seconds)
        except TimeoutError:
            return []
        except (APIError, nats.errors.Error, OSError) as error:
            await self.let_go()
            raise BusAway("following-interrupted") from error
        return [_delivery(message) for message in messages]

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these need not come again. Where that is lost, they do. Raises BusAway."""
        try:
            for delivery in deliveries:
                await delivery.message.ack()
        except (nats.errors.Error, OSError) as error:
            await self.let_go()
            raise BusAway("following-interrupted") from error

    async def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these were not done: they come again at once, to whoever asks; where that is lost, later."""
        with suppress(nats.errors.Error, OSError):
            for delivery in deliveries:
                await delivery.message.nak()

    async def progress(self) -> Progress:
        """Ask how far this place has come. Raises BusAway, PlaceLostError."""
        stream = await self.connection.stream()
        try:
            told = await stream.consumer_info(STREAM, self.name)
        except NotFoundError as error:
            raise PlaceLostError(self.name) from error
        except (APIError, nats.errors.Error, OSError) as error:
            raise BusAway("progress-unknown") from error
        behind = (told.num_pending or 0) + (told.num_ack_pending or 0)
        floor = told.ack_floor.stream_seq if told.ack_floor else 0
        delivered = told.delivered.stream_seq if told.delivered else 0
        return Progress(settled=max(delivered, floor) if behind == 0 else floor, behind=behind)

    async def end(self) -> None:
        """Give the place up for good; a second call finds nothing. Raises BusAway."""
        await self.let_go()
        stream = await self.connection.stream()
        try:
            with suppress(NotFoundError):
                await stream.delete_consumer(STREAM, self.name)
        except (APIError, nats.errors.Error, OSError) as error:
            raise BusAway("place-not-ended") from error

    async def let_go(self) -> None:
        """Ask for nothing more. What was taken and not done goes to others."""
        taken_from, self._taken_from = self._taken_from, None
        if taken_from is not None:
            with suppress(nats.errors.Error, OSError):
                await taken_from[1].unsubscribe()

    async def _subscription(self) -> JetStreamContext.PullSubscription:
        stream = await self.connection.stream()
        if self._taken_from is not None and self._taken_from[0] is stream:
            return self._taken_from[1]
        # Another connection than last time, or the first.
        self._taken_from = None
        await self.progress()
        try:
            subscription = await stream.pull_subscribe_bind(self.name, STREAM)
        except (APIError, nats.errors.Error, OSError) as error:
            raise BusAway("following-interrupted") from error
        self._taken_from = (stream, subscription)
        return subscription


async def state_of(connection: Connection) -> StreamState:
    """Look at the stream. Raises BusAway."""
    stream = await connection.stream()
    try:
        told = await stream.stream_info(STREAM)
    except NotFoundError as error:
        # Somebody took it away: the next time it is made anew.
        await connection.close()
        raise BusAway("stream-unavailable") from error
    except (APIError, nats.errors.Error, OSError) as error:
        raise BusAway("stream-unavailable") from error
    made = told.created.isoformat() if told.created else ""
    return StreamState(made=made, first=told.state.first_seq, last=told.state.last_seq)


def _delivery(message: Msg) -> Delivery:
    return Delivery(
        position=message.metadata.sequence.stream,
        topic=message.subject,
        body=message.data,
        message=message,
    )
