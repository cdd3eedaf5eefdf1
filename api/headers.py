"""The request headers that carry meaning of ours: each there at most once, and of visible characters."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from api.problems import Problem, malformed
from ledger import ids


class HeaderValue:
    """A dependency that reads one header: None where it is not there. Raises Problem `malformed`."""

    def __init__(self, name: str, pattern: str, description: str) -> None:
        self.name = name
        self.description = description
        self._pattern = re.compile(pattern)

    async def __call__(self, request: Request) -> str | None:
        """Read the header."""
        values = request.headers.getlist(self.name)
        if not values:
            return None
        if len(values) > 1 or self._pattern.fullmatch(values[0]) is None:
            raise malformed(f"header.{self.name}", "must be one value of visible ASCII characters")
        return values[0]


class RequiredIdempotencyKey(HeaderValue):
    """The same, where it must be there. Raises Problem `idempotency-key-missing`."""

    async def __call__(self, request: Request) -> str:
        """Read the header."""
        value = await super().__call__(request)
        if value is None:
            raise Problem("idempotency-key-missing")
        return value


IdempotencyKey = Annotated[
    str,
    Depends(
        RequiredIdempotencyKey(
            "Idempotency-Key", ids.IDEMPOTENCY_KEY_PATTERN, "Names this wish for ever."
        )
    ),
]
ReservationToken = Annotated[
    str | None,
    Depends(
        HeaderValue(
            "Reservation-Token",
            r"[\x21-\x7e]{1,512}",
            "As given with the reservation.",
        )
    ),
]
