"""Availability as server-sent events: how each sku stands, and again whenever that changes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence

import orjson
import structlog
from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.availability.feed import AvailabilityFeed
from api.availability.listeners import Listener
from api.availability.slots import CrowdedError, FullError
from api.connections import reset
from api.problems import Problem, busy

HEARTBEAT_SECONDS = 15.0
RETRY_MS = 2_000
LIFE_SECONDS = 1_800.0
"""About how long one stays open: then its reader comes again, to another process where there are more by now."""
LIFE_SPREAD = 0.2
"""By how much of that, at most, it is shorter or longer: those who came together do not go together."""
UNREAD_SECONDS = 60.0
"""How long past its life one is kept whose reader takes too little of what is written."""
CROWDED_SECONDS = 30
"""When an address that has its streams may ask for another: a page that was left is forgotten by then."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_HEARTBEAT = b": still here\n\n"


log = structlog.get_logger("api.availability")


class AvailabilityStream(StreamingResponse):
    """Ends when the reader goes, or the process does, or its life is over, read or not.

    Raises Problem `busy` where no more may listen, `too-many-streams` where no more may from that address.

    FastAPI's own takes two tasks and two queues a reader; this one takes none.
    """

    media_type = "text/event-stream"

    def __init__(self, feed: AvailabilityFeed, skus: Sequence[str], whose: str) -> None:
        super().__init__((), headers=HEADERS)
        self._feed = feed
        self._skus = skus
        self._whose = whose

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream. However it ends, the listener is forgotten."""
        try:
            with self._feed.streaming(self._skus, self._whose) as listener:
                await self._stream(listener, scope, receive, send)
        except FullError:
            raise busy() from None
        except CrowdedError:
            raise Problem(
                "too-many-streams", headers={"Retry-After": str(CROWDED_SECONDS)}
            ) from None

    async def _stream(self, listener: Listener, scope: Scope, receive: Receive, send: Send) -> None:
        life = lifetime()
        self.body_iterator = _events(self._feed, listener, time.monotonic() + life)
        try:
            async with asyncio.timeout(life + UNREAD_SECONDS) as limit:
                await super().__call__(scope, receive, send)
        except TimeoutError:
            if not limit.expired():
                raise
            # Its last words wait for a reader who does not read: they are not waited for.
            await reset(scope, receive)
            log.info("stream cut")


def lifetime() -> float:
    """Say for how many seconds a stream may stay open: about as long as any other."""
    spread = LIFE_SPREAD * (2 * random.random() - 1)  # noqa: S311 - nothing is kept secret by it
    return LIFE_SECONDS * (1 + spread)


async def _events(feed: AvailabilityFeed, listener: Listener, until: float) -> AsyncIterator[bytes]:
    yield format_sse_event(retry=RETRY_MS)
    while not listener.ended and (left := until - time.monotonic()) > 0:
        skus = await listener.take(min(HEARTBEAT_SECONDS, left))
        if not listener.ended:
            yield b"".join(_event(feed, sku) for sku in skus) or _HEARTBEAT


def _event(feed: AvailabilityFeed, sku: str) -> bytes:
    answer = feed.answer(sku)
    if answer is None:
        return format_sse_event(event="unknown", data_str=orjson.dumps({"sku": sku}).decode())
    return format_sse_event(
        event="availability", data_str=answer.model_dump_json(), id=f"{sku}:{answer.version}"
    )
