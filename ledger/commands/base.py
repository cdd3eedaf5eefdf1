"""What every command is: an operation key, a fingerprint of what is done, and the rows its rule reads.

The fingerprint never covers who, why or when. A command decides nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson

from ledger.traces import TRACEPARENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Which rows a command's rule reads, and so which are locked before it."""

    checkouts: frozenset[str] = frozenset()
    payments_of: frozenset[str] = frozenset()
    """Checkouts whose payment and what was asked of the provider are needed too."""
    refunds_of: frozenset[str] = frozenset()
    """Checkouts of which, once money was taken, the payment, the debts and the prices are needed."""
    prices_of: frozenset[str] = frozenset()
    """Checkouts of which the same is needed in any case: the money may be taken in this very batch."""
    stock_of: frozenset[str] = frozenset()
    """Checkouts whose reservations' stock rows are needed too."""
    skus: frozenset[str] = frozenset()
    """Every existing row of these skus, at all locations."""
    rows: frozenset[tuple[str, str]] = frozenset()
    """These (sku, location) rows, where they exist."""
    new_rows: frozenset[frozenset[tuple[str, str]]] = frozenset()
    """These rows, made empty where they do not exist: a group altogether, or where one cannot be, not at all."""
    carts: frozenset[tuple[str, str]] = frozenset()
    """(owner, cart) whose live checkout, if any, the rule must know."""
    carts_of: frozenset[str] = frozenset()
    """Checkouts of whose own carts the same is to be known."""
    customers: frozenset[str] = frozenset()
    """Whose claims count, beside those of the checkouts that exist: a batch may open and reserve."""
    documents: frozenset[tuple[str, str]] = frozenset()
    """(kind, id) of documents that may be waiting."""
    returns: frozenset[str] = frozenset()
    """Returns with their lines, and the rows at which they lie."""
    transfers: frozenset[str] = frozenset()
    """Transfers with their lines, and the rows at which they arrive, made where they do not exist."""
    sent_from: frozenset[tuple[str, str]] = frozenset()
    """Rows whose transfers are needed as far as they still travel."""
    sent_early: frozenset[str] = frozenset()
    """Orders of which the rule must know whether a shipment waits for them."""
    claims_on: frozenset[tuple[str, str]] = frozenset()
    """Rows whose open reservations and unshipped orders are needed, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of all. `actor` is who asked, for the record: a subject, `workflow` or `reaper`."""

    actor: str
    traceparent: str | None = field(default_factory=TRACEPARENT.get, compare=False, repr=False)
    """The trace of whoever made it: taken here, since a batch is posted for many."""
    remembers_refusal: ClassVar[bool] = False
    """True where a refusal is an answer for ever, since its caller has given up."""

    @property
    def key(self) -> str | None:
        """The operation key; None for commands that compare and set instead."""
        return None

    def substance(self) -> Any:
        """Say what is done, as JSON: the input of the fingerprint."""
        raise NotImplementedError

    def needs(self) -> Needs:
        """Name the rows that the rule reads."""
        raise NotImplementedError

    def fingerprint(self) -> bytes:
        """Tell two inputs under one key apart."""
        return hashlib.sha256(
            orjson.dumps([type(self).__name__, self.substance()], option=orjson.OPT_SORT_KEYS)
        ).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """Units of one sku, in a document or a cart."""

    sku: str
    quantity: int


def merged(lines: tuple[Quantity, ...]) -> list[list[Any]]:
    """Add up the lines of one sku, in order of sku: demand is summed before anything is checked."""
    totals: dict[str, int] = {}
    for line in lines:
        totals[line.sku] = totals.get(line.sku, 0) + line.quantity
    return [[sku, totals[sku]] for sku in sorted(totals)]
