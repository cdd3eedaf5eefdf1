"""How a consumer reads an event: whatever version it was written in, as the newest.

An old event is never rewritten: it is lifted, one version at a time, when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from events.schemas import PAYLOADS
from ledger.outbox import VERSIONS

_TYPE = re.compile(r"onhand\.(?P<kind>[A-Za-z]+)\.v(?P<version>[0-9]+)")

HIGHEST = 2**63 - 1
"""Of a sequence: what no ledger can have given is no event, and would be refused wherever it is kept."""

Lift = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes a payload of one version into one of the next. It knows nothing but the payload."""

LIFTS: Mapping[tuple[str, int], Lift] = {}
"""By the type and the version that they lift. `docs/changing-events.md` says when one is needed."""


class UnreadableError(Exception):
    """An event that no consumer of this version can read; `code` says why, the same in logs and dead letters."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as the newest version tells it."""

    id: str
    kind: str
    subject: str
    sequence: int
    payload: BaseModel
    traceparent: str | None = None
    """The trace of the request behind it, where one was told."""


def read(
    body: bytes,
    *,
    lifts: Mapping[tuple[str, int], Lift] = LIFTS,
    versions: Mapping[str, int] = VERSIONS,
) -> Event:
    """Read what came over the bus. Fields that are not known are left out. Raises UnreadableError."""
    try:
        told = orjson.loads(body)
        named = _TYPE.fullmatch(told["type"])
        event_id, subject = str(told["id"]), str(told["subject"])
        sequence, payload = int(told["sequence"]), dict(told["data"])
        trace = told.get("traceparent")
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableError("no-event") from error
    if not 0 < sequence <= HIGHEST:
        raise UnreadableError("no-event")
    if named is None or named["kind"] not in PAYLOADS:
        raise UnreadableError("unknown-type")
    kind, version = named["kind"], int(named["version"])
    newest = versions.get(kind, 1)
    if version > newest:
        raise UnreadableError("newer-version")
    for old in range(version, newest):
        if (kind, old) not in lifts:
            raise UnreadableError("version-forgotten")
        payload = lifts[kind, old](payload)
    try:
        shaped = PAYLOADS[kind].model_validate(payload, extra="ignore")
    except ValidationError as error:
        raise UnreadableError("misshapen-payload") from error
    return Event(
        id=event_id,
        kind=kind,
        subject=subject,
        sequence=sequence,
        payload=shaped,
        traceparent=trace if isinstance(trace, str) else None,
    )
