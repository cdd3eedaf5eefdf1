"""The bus on NATS JetStream: one stream of everything, each event stored before it counts as published."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from time import monotonic

import nats.errors
import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import Header

from events.batches import MOST_AT_ONCE, publish_as_one
from events.connection import STREAM, Connection
from events.envelope import Message

__all__ = ["STREAM", "JetStreamBus"]

log = structlog.get_logger("events")

BATCHES_STORED_WITHIN_SECONDS = 2.0
PUBLISHED_WITHIN_SECONDS = 4.5
"""With batches, and what goes one by one after them."""
ONE_BY_ONE_FOR_SECONDS = 300.0
"""Until a server or a stream that takes no batches is asked again: it may be another one by then."""


class JetStreamBus:
    """Publishes over one connection."""

    def __init__(self, url: str, *, replicas: int = 1, name: str = "onhand") -> None:
        self.connection = Connection(url, replicas=replicas, name=name)
        self._one_by_one_until = -inf

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Send all in order over one connection, and wait until the server has stored them.

        The event's id makes a repeat within two minutes a duplicate, which the server drops.
        """
        await self.connection.stream()
        client = self.connection.client
        until = monotonic() + PUBLISHED_WITHIN_SECONDS
        stored: list[bool] = []
        try:
            async with asyncio.timeout(BATCHES_STORED_WITHIN_SECONDS):
                await self._in_batches(client, messages, stored)
        except (nats.errors.Error, OSError) as error:  # TimeoutError is an OSError
            log.warning("batch not stored", error=type(error).__name__)
        if client.is_connected:
            stored += await one_by_one(client, messages[len(stored) :], until - monotonic())
        if messages and not any(stored):
            # The connection may be half open, or the stream gone: the next time both are made anew.
            await self.close()
        return stored + [False] * (len(messages) - len(stored))

    async def _in_batches(
        self, client: Client, messages: Sequence[Message], stored: list[bool]
    ) -> None:
        """Publish up to the first batch that is refused; add to `stored` what is."""
        while len(stored) + 1 < len(messages) and monotonic() > self._one_by_one_until:
            some = messages[len(stored) : len(stored) + MOST_AT_ONCE]
            answer = await publish_as_one(client, some, BATCHES_STORED_WITHIN_SECONDS)
            if not answer.is_worth_trying:
                log.info("bus takes no batches")
                self._one_by_one_until = monotonic() + ONE_BY_ONE_FOR_SECONDS
            if not answer.is_stored:
                return
            stored += [True] * len(some)

    async def close(self) -> None:
        """Close the connection, if there is one, and wait no longer than that is worth."""
        self._one_by_one_until = -inf
        await self.connection.close()


async def one_by_one(client: Client, messages: Sequence[Message], seconds: float) -> list[bool]:
    """Publish each by itself, and wait that long for all: where a batch is refused, or not to be had.

    Tells of those that were sent. The driver's own way to do it, `publish_async`, loses answers that refuse a
    message, and waits for them to the end.
    """
    answers = _Answers(client.new_inbox())
    try:
        async with asyncio.timeout(seconds):
            subscription = await client.subscribe(f"{answers.inbox}.*", cb=answers.hear)
            try:
                for message in messages:
                    headers = {Header.MSG_ID.value: message.id}
                    await client.publish(message.topic, message.body, answers.address(), headers)
                    answers.asked += 1
            finally:
                try:
                    await answers.all()
                finally:
                    await subscription.unsubscribe()
    except (nats.errors.Error, OSError) as error:  # What is too large is refused before it is sent.
        log.warning("not all published", error=type(error).__name__)
    return [answers.stored.get(place, False) for place in range(answers.asked)]


class _Answers:
    """What becomes of messages, by their place."""

    def __init__(self, inbox: str) -> None:
        self.inbox = inbox
        self.asked = 0
        self.stored: dict[int, bool] = {}
        self._another = asyncio.Event()

    def address(self) -> str:
        """Say where the next one is answered."""
        return f"{self.inbox}.{self.asked}"

    async def hear(self, answer: Msg) -> None:
        """Take an answer. Where no stream takes the subject, it is empty."""
        place = int(answer.subject.rpartition(".")[2])
        self.stored[place] = bool(answer.data) and "error" not in orjson.loads(answer.data)
        self._another.set()

    async def all(self) -> None:
        """Wait for every answer."""
        while len(self.stored) < self.asked:
            self._another.clear()
            await self._another.wait()
