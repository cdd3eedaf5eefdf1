"""What may be asked: the shape and the bounds of every request body. Strict, and nothing unknown."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from api.currencies import CURRENCIES
from ledger import ids
from ledger.commands import Quantity

QUANTITY_MOST = 10_000
LINES_MOST = 100
PRICE_MOST = 99_999_999
PRIORITY_MOST = 1_000_000
SAFETY_STOCK_MOST = 1_000_000
"""A row may hold more than a line may name; whoever means all of it sets a pause."""
VERSION_MOST = 2**63 - 1
NOTE_CHARACTERS_MOST = 2_000
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
FUTURE_MOST = timedelta(days=1)
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def _printable(text: str) -> str:
    if any(unicodedata.category(character) in _UNPRINTABLE for character in text):
        message = "must not contain control characters"
        raise ValueError(message)
    return text


def _known_currency(code: str) -> str:
    if code not in CURRENCIES:
        message = "must be a currency code of ISO 4217"
        raise ValueError(message)
    return code


def _moment(text: str) -> str:
    moment = read_moment(text) if is_moment(text) else None
    if moment is None:
        message = "must be a time as in RFC 3339, with its zone"
        raise ValueError(message)
    if not EARLIEST <= moment <= datetime.now(UTC) + FUTURE_MOST:
        message = "must be between the year 2000 and tomorrow"
        raise ValueError(message)
    return text


def is_moment(text: str) -> bool:
    """Tell whether a text has the form of a time as in RFC 3339."""
    return _RFC_3339.fullmatch(text) is not None


def read_moment(text: str) -> datetime | None:
    """Read a time as in RFC 3339, in UTC; None where there is no such time."""
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


ID = Annotated[str, StringConstraints(pattern=rf"^{ids.ID_PATTERN}$")]
LONG_ID = Annotated[str, StringConstraints(pattern=rf"^{ids.LONG_ID_PATTERN}$")]
UNITS = Annotated[int, Field(ge=1, le=QUANTITY_MOST)]
TITLE = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_printable)]
CURRENCY = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), AfterValidator(_known_currency)]
REASON = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""A code for programs to count by, such as `broken-in-store`; what a person wants to say is a note."""
NOTE = Annotated[
    str, Field(min_length=1, max_length=NOTE_CHARACTERS_MOST), AfterValidator(_printable)
]
MOMENT = Annotated[
    str, Field(max_length=40, json_schema_extra={"format": "date-time"}), AfterValidator(_moment)
]


class Body(BaseModel):
    """Base of all."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Line(Body):
    """Units of one sku."""

    sku: ID
    quantity: UNITS

    def as_quantity(self) -> Quantity:
        """Say it in the ledger's words."""
        return Quantity(sku=self.sku, quantity=self.quantity)


LINES = Annotated[list[Line], Field(min_length=1, max_length=LINES_MOST)]


class ProductPut(Body):
    """What is sold under a sku. `price_minor` is per unit, in the currency's smallest coin."""

    title: TITLE
    price_minor: Annotated[int, Field(ge=1, le=PRICE_MOST)]
    currency: CURRENCY
    limit_per_customer: Annotated[int, Field(ge=1, le=QUANTITY_MOST)] | None = None


class LocationPut(Body):
    """Where stock lies. The lowest priority number serves first; a seller has one location."""

    kind: Literal["warehouse", "seller"]
    seller: ID | None = None
    reports: Literal["free", "shelf"] = "free"
    priority: Annotated[int, Field(ge=0, le=PRIORITY_MOST)]
    enabled: bool

    @model_validator(mode="after")
    def _sellers_are_named(self) -> LocationPut:
        if (self.kind == "seller") is (self.seller is None):
            message = "a seller's location names its seller, and no other location does"
            raise ValueError(message)
        return self


class CheckoutPost(Body):
    """A customer's wish. Lines of one sku are added up before anything is checked."""

    customer_id: LONG_ID
    lines: LINES
    ttl_seconds: Annotated[int, Field(ge=1)] | None = None
    cart_id: LONG_ID | None = None


class ExtendPost(Body):
    """How much longer a hold is to last, for the first time or the second."""

    seconds: Annotated[int, Field(ge=1)]
    extension: Literal[1, 2]


class Happening(Body):
    """Base of what may be told later than it happened."""

    occurred_at: MOMENT | None = None

    @property
    def happened_at(self) -> datetime | None:
        """When it happened, in UTC; None where that is now."""
        return read_moment(self.occurred_at) if self.occurred_at else None


class AdjustmentPost(Happening):
    """A person's correction of one row. `quantity` is signed for `adjust`, and positive for the others.

    With `expected_version`, the location's version as it was seen, nothing is corrected that changed since.
    """

    adjustment_id: LONG_ID
    kind: Literal["adjust", "damage", "regrade", "write_off", "lost_in_transit"] = "adjust"
    location: ID
    quantity: Annotated[int, Field(ge=-QUANTITY_MOST, le=QUANTITY_MOST)]
    reason: REASON
    note: NOTE | None = None
    expected_version: Annotated[int, Field(ge=0, le=VERSION_MOST)] | None = None

    @model_validator(mode="after")
    def _something_is_corrected(self) -> Self:
        if self.quantity == 0 or (self.quantity < 0 and self.kind != "adjust"):
            message = "quantity must not be 0, and only of kind adjust may it be negative"
            raise ValueError(message)
        return self


class SafetyStockPut(Body):
    """How many sellable units of a row are promised to nobody."""

    location: ID
    quantity: Annotated[int, Field(ge=0, le=SAFETY_STOCK_MOST)]


class PausePut(Body):
    """Whether an operator keeps a row out of sale. Other reasons to pause it are not touched."""

    location: ID
    paused: bool
