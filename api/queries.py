"""What may stand behind the question mark: each value at most once, read strictly."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends
from starlette.requests import Request

from api.problems import malformed
from api.requests import is_moment, read_moment
from ledger import ids

Value = TypeVar("Value")

LIMIT_MOST = 500
LIMIT_USUAL = 100
SKUS_MOST = 100
_POSITIONS_LONGEST = 32_768
_SEQUENCE_MOST = 2**63 - 1


class QueryValue(Generic[Value]):
    """A dependency that reads one value of the query: `default` where it is not there. Raises Problem `malformed`."""

    def __init__(
        self,
        name: str,
        read: Callable[[str], Value | None],
        *,
        rule: str,
        description: str,
        schema: dict[str, Any],
        default: Value | None = None,
        required: bool = False,
    ) -> None:
        self.name = name
        self.description = description
        self.schema = schema
        self._read = read
        self._rule = rule
        self._default = default
        self.required = required

    async def __call__(self, request: Request) -> Value | None:
        """Read the value."""
        values = request.query_params.getlist(self.name)
        if not values and not self.required:
            return self._default
        value = self._read(values[0]) if len(values) == 1 else None
        if value is None:
            raise malformed(f"query.{self.name}", self._rule)
        return value


class SkusValue(QueryValue[tuple[str, ...]]):
    """The same for skus, named as often as there are any: each once, in their order."""

    async def __call__(self, request: Request) -> tuple[str, ...]:
        """Read them."""
        skus = tuple(dict.fromkeys(request.query_params.getlist(self.name)))
        if not 1 <= len(skus) <= SKUS_MOST or not all(
            re.fullmatch(ids.ID_PATTERN, sku) for sku in skus
        ):
            raise malformed(f"query.{self.name}", self._rule)
        return skus


def positions_token(positions: dict[str, int]) -> str:
    """Say how far each location has been read, as an opaque word."""
    return base64.urlsafe_b64encode(orjson.dumps(positions, option=orjson.OPT_SORT_KEYS)).decode()


def read_positions(token: str) -> dict[str, int] | None:
    """Read such a word; None where it is not one of ours."""
    if len(token) > _POSITIONS_LONGEST:
        return None
    try:
        positions = orjson.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(positions, dict) or not all(
        re.fullmatch(ids.ID_PATTERN, location)
        and isinstance(sequence, int)
        and not isinstance(sequence, bool)
        and 0 <= sequence <= _SEQUENCE_MOST
        for location, sequence in positions.items()
    ):
        return None
    return positions


def _read_limit(text: str) -> int | None:
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text, re.ASCII) or int(text) > LIMIT_MOST:
        return None
    return int(text)


def _read_past(text: str) -> datetime | None:
    moment = read_moment(text) if is_moment(text) else None
    return moment if moment is not None and moment <= datetime.now(UTC) else None


def _read_version(text: str) -> int | None:
    if not re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) or int(text) > _SEQUENCE_MOST:
        return None
    return int(text)


After = Annotated[
    dict[str, int] | None,
    Depends(
        QueryValue(
            "after",
            read_positions,
            rule="must be what an earlier answer gave as `next`",
            description="Where the page before ended: its `next`.",
            schema={"type": "string"},
        )
    ),
]
Limit = Annotated[
    int,
    Depends(
        QueryValue(
            "limit",
            _read_limit,
            rule=f"must be a number from 1 to {LIMIT_MOST}",
            description="How many entries a page has at most.",
            schema={
                "type": "integer",
                "minimum": 1,
                "maximum": LIMIT_MOST,
                "default": LIMIT_USUAL,
            },
            default=LIMIT_USUAL,
        )
    ),
]
At = Annotated[
    datetime | None,
    Depends(
        QueryValue(
            "at",
            _read_past,
            rule="must be a time as in RFC 3339, with its zone, that has come",
            description="The moment to explain; now, where it is left out.",
            schema={"type": "string", "format": "date-time"},
        )
    ),
]
Skus = Annotated[
    tuple[str, ...],
    Depends(
        SkusValue(
            "sku",
            lambda text: (text,),
            rule=f"must be there 1 to {SKUS_MOST} times, each of letters, digits, _ and -, at most 64 of them",
            description="A sku, for each one that is asked for.",
            schema={
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "maxItems": SKUS_MOST,
            },
            required=True,
        )
    ),
]
MinVersion = Annotated[
    int | None,
    Depends(
        QueryValue(
            "min_version",
            _read_version,
            rule="must be a version",
            description="Wait for this version, at most as long as an answer may be relied on.",
            schema={"type": "integer", "minimum": 0},
        )
    ),
]


async def no_min_version(request: Request) -> None:
    """Refuse it where several skus are asked for: each has a version of its own. Raises Problem `malformed`."""
    if "min_version" in request.query_params:
        raise malformed("query.min_version", "goes with one sku, as in /availability/{sku}")
