"""The rule of a payment that came after its hold had expired: stock again, or no sale."""

from __future__ import annotations

from dataclasses import replace

from ledger import ids
from ledger.checkouts import Checkout, PaymentState, Reservation, ReservationState, Status
from ledger.commands import Reacquire, merged
from ledger.errors import Refused
from ledger.rules.checkouts import refuse_busy_cart
from ledger.rules.reservations import (
    cause_of,
    checkout_row,
    described,
    moves_between,
    sourced_lines,
)
from ledger.rules.stock import refuse_nothing
from ledger.stock import MovementKind, Pile
from ledger.world import Change, World

_THERE = frozenset({PaymentState.AUTHORIZED, PaymentState.CAPTURED})


def reacquire(world: World, command: Reacquire) -> Change:
    """Hold every line again or none, committed to the sale from the first moment.

    The limit per customer was judged when the checkout began. Refused, in this order: `nothing-wanted`;
    `unknown-checkout`; `not-the-next` for another reservation than the one after the newest;
    `not-expired` with the state, where the hold did not end by its time; `payment-not-there`;
    `cart-busy` where money may be taken for the cart by another checkout; `unknown-sku`; `insufficient-stock`.
    """
    refuse_nothing(command.lines)
    checkout = checkout_row(world, command.checkout_id)
    _refuse_unpayable(world, command, checkout)
    wanted = merged(command.lines)
    for sku, _ in wanted:
        if sku not in world.products:
            raise Refused("unknown-sku", sku=sku)
    lines = sourced_lines(world, wanted)
    # From here it must succeed.
    reservation = Reservation(
        reservation_id=command.reservation_id,
        checkout_id=checkout.checkout_id,
        state=ReservationState.COMMITTING,
        lines=lines,
        # It has no time of its own: nothing but the money's outcome ends it.
        expires_at=world.now,
    )
    return Change(
        answer=described(reservation, Status.COMMITTING),
        cause=cause_of(command, "late-payment"),
        moves=moves_between(lines, MovementKind.RESERVE, Pile.SELLABLE, Pile.RESERVED),
        reservation=reservation,
        checkout=replace(
            checkout,
            status=Status.COMMITTING,
            reason="late-payment",
            ordinal=checkout.ordinal + 1,
            reservation_state=ReservationState.COMMITTING,
        ),
    )


def _refuse_unpayable(world: World, command: Reacquire, checkout: Checkout) -> None:
    following = ids.reservation_id(checkout.checkout_id, checkout.ordinal + 1)
    if command.reservation_id != following:
        raise Refused("not-the-next", ordinal=checkout.ordinal)
    if checkout.reservation_state is not ReservationState.EXPIRED:
        raise Refused("not-expired", state=checkout.reservation_state)
    if checkout.payment_state not in _THERE:
        raise Refused("payment-not-there", payment=checkout.payment_state)
    refuse_busy_cart(world, checkout.owner, checkout.cart_id, checkout.checkout_id)
