"""Availability as server-sent events: how each sku stands, and again whenever that changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import orjson
from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.availability.feed import AvailabilityFeed, FullError
from api.availability.listeners import Listener
from api.problems import busy

HEARTBEAT_SECONDS = 15.0
RETRY_MS = 2_000
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_HEARTBEAT = b": still here\n\n"


class AvailabilityStream(StreamingResponse):
    """Ends when the reader goes, or the process does. Raises Problem `busy` where no more may listen.

    FastAPI's own takes two tasks and two queues a reader; this one takes none.
    """

    media_type = "text/event-stream"

    def __init__(self, feed: AvailabilityFeed, skus: Sequence[str]) -> None:
        super().__init__((), headers=HEADERS)
        self._feed = feed
        self._skus = skus

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream. However it ends, the listener is forgotten."""
        try:
            with self._feed.streaming(self._skus) as listener:
                self.body_iterator = _events(self._feed, listener)
                await super().__call__(scope, receive, send)
        except FullError:
            raise busy() from None


async def _events(feed: AvailabilityFeed, listener: Listener) -> AsyncIterator[bytes]:
    yield format_sse_event(retry=RETRY_MS)
    while not listener.ended:
        skus = await listener.take(HEARTBEAT_SECONDS)
        if not listener.ended:
            yield b"".join(_event(feed, sku) for sku in skus) or _HEARTBEAT


def _event(feed: AvailabilityFeed, sku: str) -> bytes:
    answer = feed.answer(sku)
    if answer is None:
        return format_sse_event(event="unknown", data_str=orjson.dumps({"sku": sku}).decode())
    return format_sse_event(
        event="availability", data_str=answer.model_dump_json(), id=f"{sku}:{answer.version}"
    )
