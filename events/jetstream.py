"""The bus on NATS JetStream: one stream of everything, each event stored before it counts as published."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from time import monotonic

import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import Header, PubAck

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
        stream = await self.connection.stream()
        client = self.connection.client
        until = monotonic() + PUBLISHED_WITHIN_SECONDS
        stored: list[bool] = []
        try:
            async with asyncio.timeout(BATCHES_STORED_WITHIN_SECONDS):
                await self._in_batches(client, messages, stored)
        except (nats.errors.Error, OSError) as error:  # TimeoutError is an OSError
            log.warning("batch not stored", error=type(error).__name__)
        if client.is_connected:
            stored += await one_by_one(stream, messages[len(stored) :], until - monotonic())
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


async def one_by_one(
    stream: JetStreamContext, messages: Sequence[Message], seconds: float
) -> list[bool]:
    """Publish each by itself, and wait that long for all: where a batch is refused, or not to be had."""
    until = monotonic() + seconds
    waiting: list[asyncio.Future[PubAck]] = []
    try:
        async with asyncio.timeout(seconds):
            for message in messages:
                waiting.append(  # noqa: PERF401 - what was sent before a failure is waited for all the same
                    await stream.publish_async(
                        message.topic, message.body, headers={Header.MSG_ID: message.id}
                    )
                )
    except (nats.errors.Error, OSError) as error:
        log.warning("bus lost while publishing", error=type(error).__name__)
    if waiting:
        await asyncio.wait(waiting, timeout=max(0.0, until - monotonic()))
    return [_stored(answer) for answer in waiting]


def _stored(answer: asyncio.Future[PubAck]) -> bool:
    if not answer.done():
        answer.cancel()
        return False
    return not answer.cancelled() and answer.exception() is None
