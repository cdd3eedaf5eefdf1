"""Commands that begin a checkout and hold, end or sell its units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ledger import ids
from ledger.checkouts import CheckoutLine, Status
from ledger.commands.base import Command, Needs, Quantity, merged


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCheckout(Command):
    """Write the row that promises a workflow. `request_fingerprint` is the caller's, of the request's body."""

    checkout_id: str
    owner: str
    customer_id: str
    cart_id: str | None
    lines: tuple[CheckoutLine, ...]
    total_minor: int
    currency: str
    ttl_seconds: int
    request_fingerprint: str

    @property
    def key(self) -> str:
        return f"checkout/{self.checkout_id}/open"

    def substance(self) -> Any:
        return self.request_fingerprint

    def needs(self) -> Needs:
        cart = frozenset({(self.owner, self.cart_id)} if self.cart_id else ())
        return Needs(
            checkouts=frozenset({self.checkout_id}),
            carts=cart,
            customers=frozenset({self.customer_id}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationCommand(Command):
    """Base of what is done to one reservation."""

    reservation_id: str

    def substance(self) -> Any:
        return self.reservation_id

    @property
    def checkout_id(self) -> str:
        """Whose reservation it is."""
        return ids.checkout_of(self.reservation_id)

    def needs(self) -> Needs:
        checkout = frozenset({self.checkout_id})
        return Needs(checkouts=checkout, stock_of=checkout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve(ReservationCommand):
    """Take the checkout's lines out of sale: sellable → reserved, all or none."""

    remembers_refusal: ClassVar[bool] = True
    lines: tuple[Quantity, ...]

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/reserve"

    def substance(self) -> Any:
        return [self.reservation_id, merged(self.lines)]

    def needs(self) -> Needs:
        return Needs(
            checkouts=frozenset({self.checkout_id}),
            skus=frozenset(line.sku for line in self.lines),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(ReservationCommand):
    """Give the units back and end the checkout as `ending`: reserved → sellable.

    `compensating` is the undo of a fenced checkout whose capture is proved not to have happened.
    Where the reservation does not exist yet a tombstone is written, so that a late reserve finds it.
    """

    ending: Status
    reason: str
    compensating: bool = False

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/release"

    def needs(self) -> Needs:
        checkout = frozenset({self.checkout_id})
        return Needs(checkouts=checkout, refunds_of=checkout, stock_of=checkout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire(ReservationCommand):
    """Give the units back because the time is over, unless the hold was extended since."""

    extension: int

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/expire/{self.extension}"

    def substance(self) -> Any:
        return [self.reservation_id, self.extension]

    def needs(self) -> Needs:
        checkout = frozenset({self.checkout_id})
        return Needs(checkouts=checkout, refunds_of=checkout, stock_of=checkout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend(ReservationCommand):
    """Let the hold last `seconds` longer: its first or second `extension`, each once."""

    extension: int
    seconds: int

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/extend/{self.extension}"

    def substance(self) -> Any:
        return [self.reservation_id, self.extension, self.seconds]

    def needs(self) -> Needs:
        return Needs(checkouts=frozenset({self.checkout_id}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacquire(ReservationCommand):
    """Take the units again for a payment that came after the hold had expired: sellable → reserved.

    The reservation is a new one and born committing: the money waits for it. Its refusal is remembered:
    the money is given back then, and an attempt that comes later must not take the stock.
    """

    remembers_refusal: ClassVar[bool] = True
    lines: tuple[Quantity, ...]

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/reacquire"

    def substance(self) -> Any:
        return [self.reservation_id, merged(self.lines)]

    def needs(self) -> Needs:
        checkout = frozenset({self.checkout_id})
        return Needs(
            checkouts=checkout,
            carts_of=checkout,
            skus=frozenset(line.sku for line in self.lines),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence(ReservationCommand):
    """The final validation before money is taken: held → committing. No timer can take it from here."""

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/fence"

    def needs(self) -> Needs:
        return Needs(checkouts=frozenset({self.checkout_id}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(ReservationCommand):
    """The money is ours and the units are the customer's: reserved → sold, order placed."""

    @property
    def key(self) -> str:
        return f"reservation/{self.reservation_id}/confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(Command):
    """Take a paid order back before any of it ships: sold → sellable. The refund comes after."""

    order_id: str
    reason: str

    @property
    def key(self) -> str:
        return f"order/{self.order_id}/cancel"

    def substance(self) -> Any:
        return self.order_id

    def needs(self) -> Needs:
        order = frozenset({self.order_id})
        return Needs(checkouts=order, refunds_of=order, stock_of=order, sent_early=order)
