"""The connection to NATS, and the stream in it: made when they are needed, and again whenever they were lost."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import nats
import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from events.bus import BusAway
from events.envelope import PREFIX

log = structlog.get_logger("events")

STREAM = "ONHAND"
KEPT = timedelta(days=30)
"""As long as published rows stay in the outbox; whoever was away for longer is rebuilt from the ledger."""
REPEATS_KNOWN = timedelta(minutes=2)
"""A relay that died between publishing and marking is followed by another within seconds."""
CONNECT_SECONDS = 1.5
RECONNECT_SECONDS = 1
ANSWERED_WITHIN_SECONDS = 1.0
"""A question about the stream. All that a round waits for is less than Postgres allows an idle transaction."""
PING_SECONDS = 3
"""A server that says nothing twice is given up, and the next one of the cluster is tried."""
MOST_PENDING_BYTES = 64 * 1024 * 1024
"""More than any batch: past it the driver waits for the server without a limit."""


class Connection:
    """One connection, to one server or a cluster (comma-separated addresses)."""

    def __init__(self, url: str, *, replicas: int = 1, name: str = "onhand") -> None:
        self.url = url
        self.replicas = replicas
        self.name = name
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self._opening = asyncio.Lock()

    async def stream(self) -> JetStreamContext:
        """Give the stream, made where there is none. Raises BusAway."""
        async with self._opening:
            if self._client is not None and not self._client.is_connected:
                await self.close()
                raise BusAway("bus-disconnected")
            if self._client is None:
                self._client = await self._connected()
            if self._stream is None:
                stream = self._client.jetstream(timeout=ANSWERED_WITHIN_SECONDS)
                await self._make(stream)
                self._stream = stream
            return self._stream

    @property
    def client(self) -> Client:
        """What is connected. Raises BusAway where nothing is."""
        if self._client is None:
            raise BusAway("bus-disconnected")
        return self._client

    async def close(self) -> None:
        """Close the connection, if there is one, and wait no longer than that is worth."""
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            await _closed(client)

    async def _connected(self) -> Client:
        client = Client()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.connect(
                    [url.strip() for url in self.url.split(",")],
                    name=self.name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_SECONDS,
                    ping_interval=PING_SECONDS,
                    pending_size=MOST_PENDING_BYTES,
                    error_cb=_noted,
                )
        except (nats.errors.Error, OSError, ValueError) as error:
            await _closed(client)
            raise BusAway("bus-unreachable") from error
        return client

    async def _make(self, stream: JetStreamContext) -> None:
        """Make the stream where there is none. One that is there is its operator's, however it is set."""
        try:
            try:
                await stream.stream_info(STREAM)
            except NotFoundError:
                await stream.add_stream(_config(self.replicas))
        except (APIError, nats.errors.Error, OSError) as error:
            raise BusAway("stream-unavailable") from error


def _config(replicas: int) -> StreamConfig:
    return StreamConfig(
        name=STREAM,
        description="Every change of stock and products, as CloudEvents",
        subjects=[f"{PREFIX}.stock.>", f"{PREFIX}.product.>"],
        storage=StorageType.FILE,
        num_replicas=replicas,
        max_age=KEPT.total_seconds(),
        duplicate_window=REPEATS_KNOWN.total_seconds(),
        discard=DiscardPolicy.NEW,
        deny_delete=True,
        allow_atomic=True,
    )


async def _closed(client: Client) -> None:
    """Close it, whatever state it is in: one that never connected fails at that, and a dead one may hang."""
    with suppress(Exception):
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.close()


async def _noted(error: Exception) -> None:
    log.info("bus", error=type(error).__name__)
