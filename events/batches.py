"""Publishing several events as one: the bus stores all of them or none, and syncs its disk once for all.

Servers know that since 2.12, and since 2.15 sync once for a batch; the stream has to allow it. Where either does
not, they say so, and events are published one by one.
Source: ADR-50 of NATS, "JetStream Batch Publishing".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import orjson
from nats.aio.client import Client
from nats.js.api import Header

from events.envelope import Message

MOST_AT_ONCE = 1_000
"""What a server takes in a batch, unless it is told otherwise."""
_NEVER = frozenset({10174, 10177})
"""Codes of a stream that allows no batches, and of a server that allows no ids of messages in them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a batch is stored; where it is not, whether to try the next one."""

    is_stored: bool
    is_worth_trying: bool = True


async def publish_as_one(client: Client, messages: Sequence[Message], seconds: float) -> Answer:
    """Publish a batch, and wait that long for the answer. Refused, one by one may succeed.

    It is refused where one of them is stored already. Raises nats.errors.Error and OSError: then nobody knows.
    """
    batch = uuid4().hex
    *others, last = messages
    for place, message in enumerate(others, start=1):
        await client.publish(message.topic, message.body, headers=_headers(message, batch, place))
    headers = _headers(last, batch, len(messages)) | {"Nats-Batch-Commit": "1"}
    answer = await client.request(last.topic, last.body, timeout=seconds, headers=headers)
    told = orjson.loads(answer.data)
    if "error" in told:
        code = told["error"].get("err_code")
        return Answer(is_stored=False, is_worth_trying=code not in _NEVER)
    # A server that knows nothing of batches has stored the last one, and told of no other.
    is_stored = told.get("batch") == batch and told.get("count") == len(messages)
    return Answer(is_stored=is_stored, is_worth_trying=is_stored)


def _headers(message: Message, batch: str, place: int) -> dict[str, str]:
    return {
        Header.MSG_ID: message.id,
        "Nats-Batch-Id": batch,
        "Nats-Batch-Sequence": str(place),
    }
