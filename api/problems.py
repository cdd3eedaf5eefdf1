"""What the API says when it says no: RFC 9457 problem documents, one table from code to status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-signature": (400, "The webhook's signature does not match"),
    "malformed-event": (400, "The webhook is genuine and not to be understood"),
    "idempotency-key-missing": (400, "The header Idempotency-Key is missing"),
    "stale-signature": (400, "The webhook's signature is too old or in the future"),
    "unauthenticated": (401, "A valid bearer token is required"),
    "forbidden": (403, "The token does not allow this"),
    "other-customer": (403, "The token names another customer"),
    "reservation-token-invalid": (403, "The header Reservation-Token does not fit the reservation"),
    "not-found": (404, "There is nothing at this address"),
    "unknown-checkout": (404, "There is no such checkout"),
    "unknown-location": (404, "There is no such location"),
    "unknown-sku": (404, "There is no such sku"),
    "method-not-allowed": (405, "This address does not know the method"),
    "already-cancelled": (409, "The checkout was cancelled"),
    "already-committing": (409, "The cart's other checkout is being paid"),
    "already-confirmed": (409, "The checkout is confirmed"),
    "already-declined": (409, "The checkout was declined"),
    "already-expired": (409, "The checkout has expired"),
    "already-limit-exceeded": (409, "The checkout was refused"),
    "already-needs-review": (409, "The checkout waits for a person"),
    "already-out-of-stock": (409, "The checkout was refused"),
    "already-refund-pending": (409, "The checkout is being refunded"),
    "already-refunded": (409, "The checkout was refunded"),
    "already-shipped": (409, "Units of the order have left"),
    "cancelled": (409, "The checkout was cancelled before it could be paid"),
    "declined": (409, "The checkout was declined before it could be paid"),
    "expired": (409, "The checkout expired before it could be paid"),
    "insufficient-stock": (409, "Not enough stock"),
    "key-reused": (409, "The document's id was used with another content"),
    "limit-exceeded": (409, "The customer's limit for this sku is reached"),
    "location-needed": (409, "Units of the sku are to be sent from several locations"),
    "more-than-returned": (409, "Fewer units of the return are still to be inspected"),
    "more-than-sent": (409, "Fewer units of the transfer still travel"),
    "more-than-shipped": (409, "The customer cannot have so many units of this order"),
    "more-than-sold": (409, "The order has fewer units to be sent from this location"),
    "needs-review": (409, "The checkout waits for a person"),
    "no-order": (409, "The checkout is no order, or not any more"),
    "not-the-next": (409, "The reservation was extended another number of times"),
    "order-cancelled": (409, "The order was cancelled"),
    "payment-not-captured": (409, "The order's money cannot be returned as it stands"),
    "pile-too-small": (409, "There are fewer units than are to be taken"),
    "seller-has-location": (409, "The seller has a location already"),
    "stale-version": (409, "The stock has changed since it was read"),
    "too-late": (409, "The checkout is being paid and goes to its end"),
    "too-many-extensions": (409, "The reservation cannot be extended again"),
    "body-too-large": (413, "The request's body is too large"),
    "unsupported-media-type": (415, "The body must be application/json"),
    "idempotency-key-reused": (422, "The Idempotency-Key was used with another request"),
    "malformed": (422, "The request is malformed"),
    "mixed-currency": (422, "The skus are priced in more than one currency"),
    "negative-quantity": (422, "A quantity below zero keeps nothing back"),
    "nothing-wanted": (422, "The document names no unit"),
    "refund-exceeds-inspected": (422, "More units are to be paid back than were inspected"),
    "same-location": (422, "A transfer goes from one location to another"),
    "total-too-large": (422, "The total is more than can be charged at once"),
    "too-many-requests": (429, "Too many requests from one address"),
    "too-many-streams": (429, "Too many streams from one address"),
    "internal": (500, "Something is broken on our side"),
    "availability-behind": (503, "The availability asked for has not arrived yet"),
    "busy": (503, "Too busy, or a part of the system is away: try again"),
    "not-ready": (503, "Not ready"),
    "projection-unavailable": (503, "Nothing is shown yet: it is being made"),
    "search-unavailable": (503, "There is no index to be searched: it is being made"),
}
"""Status and title of every code."""

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1


class Problem(Exception):
    """An answer other than the wished one. `members` are facts; `detail` is our own words, never the input's."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    @property
    def status(self) -> int:
        """The HTTP status of this code."""
        return PROBLEMS[self.code][0]

    def response(self) -> Response:
        """Tell it as a problem document."""
        return Response(
            orjson.dumps(self.document()),
            self.status,
            headers=self.headers,
            media_type=MEDIA_TYPE,
        )

    def document(self) -> dict[str, Any]:
        """Give the document's members."""
        status, title = PROBLEMS[self.code]
        document = {
            "type": f"urn:onhand:problem:{self.code}",
            "code": self.code,
            "title": title,
            "status": status,
        }
        if self.detail is not None:
            document["detail"] = self.detail
        return document | self.members


def busy() -> Problem:
    """Nothing was decided; the same request may be sent again."""
    return Problem("busy", headers={"Retry-After": str(RETRY_SECONDS)})


def malformed(location: str, message: str) -> Problem:
    """One place of the request is not as it must be. `location` is a path of known names, such as `body.lines.0`."""
    return Problem("malformed", errors=[{"location": location, "message": message}])
