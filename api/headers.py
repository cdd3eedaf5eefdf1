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


class HeaderList(HeaderValue):
    """The same for a list, which may be told in several lines; what no caller can have got from us is let pass."""

    async def __call__(self, request: Request) -> str | None:
        """Read the header, its lines as one."""
        return ", ".join(request.headers.getlist(self.name)) or None


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
IfNoneMatch = Annotated[
    str | None,
    Depends(
        HeaderList("If-None-Match", r".*", "ETags of answers that the caller has, or `*`."),
    ),
]
