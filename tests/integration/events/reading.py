"""What came out on a bus, read from the beginning."""

from __future__ import annotations

from typing import Any

import nats
import orjson

from events.jetstream import STREAM

MOST_AT_ONCE = 500
QUIET_SECONDS = 0.3


async def events_of(url: str, topic: str = "") -> list[dict[str, Any]]:
    """Read everything that the stream holds, or holds of a topic, in its order."""
    client = await nats.connect(url)
    try:
        subscription = await client.jetstream().pull_subscribe(topic, stream=STREAM)
        found: list[dict[str, Any]] = []
        while True:
            try:
                some = await subscription.fetch(MOST_AT_ONCE, timeout=QUIET_SECONDS)
            except TimeoutError:
                return found
            found += [orjson.loads(message.data) for message in some]
            for message in some:
                await message.ack()
    finally:
        await client.close()
