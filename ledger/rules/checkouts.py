"""Rules of a checkout's beginning and of an order's cancellation."""

from __future__ import annotations

from dataclasses import replace

from ledger.checkouts import Checkout, OrderState, PaymentState, Status
from ledger.commands import CancelOrder, OpenCheckout
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.rules.reservations import checkout_row
from ledger.stock import Move, MovementKind, Pile
from ledger.world import Change, World


def open_checkout(world: World, command: OpenCheckout) -> Change:
    """Write the checkout's row.

    Refused: `nothing-wanted`; `duplicate-sku`, since lines are merged before anything is checked;
    `cart-busy` with the id of the cart's live checkout.
    """
    if not command.lines or any(line.quantity <= 0 for line in command.lines):
        raise Refused("nothing-wanted")
    if len({line.sku for line in command.lines}) < len(command.lines):
        raise Refused("duplicate-sku")
    if command.cart_id is not None:
        live = world.live_carts.get((command.owner, command.cart_id))
        if live is not None and live != command.checkout_id:
            raise Refused("cart-busy", checkout_id=live)
    # From here it must succeed.
    checkout = Checkout(
        checkout_id=command.checkout_id,
        owner=command.owner,
        customer_id=command.customer_id,
        cart_id=command.cart_id,
        lines=command.lines,
        total_minor=command.total_minor,
        currency=command.currency,
        ttl_seconds=command.ttl_seconds,
    )
    return Change(
        answer={"checkout_id": command.checkout_id},
        cause=Cause(
            operation_key=command.key,
            kind="checkout",
            id=command.checkout_id,
            actor=command.actor,
        ),
        checkout=checkout,
    )


def cancel_order(world: World, command: CancelOrder) -> Change:
    """Put a paid order's units back on sale; its money is to be refunded next.

    Refused: `unknown-checkout`; `no-order` where it was never placed or is cancelled;
    `already-shipped` if any unit has left; `payment-not-captured`.
    """
    checkout = checkout_row(world, command.order_id)
    if checkout.order_state in (OrderState.NONE, OrderState.CANCELLED):
        raise Refused("no-order", order=checkout.order_state)
    if checkout.order_state is not OrderState.PLACED:
        raise Refused("already-shipped", order=checkout.order_state)
    if checkout.payment_state is not PaymentState.CAPTURED:
        raise Refused("payment-not-captured", payment=checkout.payment_state)
    # From here it must succeed.
    reservation = world.reservations[f"{checkout.checkout_id}/{checkout.ordinal}"]
    moves = tuple(
        Move(
            kind=MovementKind.CANCEL,
            sku=line.sku,
            location=line.location,
            quantity=line.quantity,
            source=Pile.SOLD,
            target=Pile.SELLABLE,
        )
        for line in reservation.lines
    )
    return Change(
        answer={"order_id": command.order_id, "status": Status.REFUND_PENDING.value},
        cause=Cause(
            operation_key=command.key,
            kind="order",
            id=command.order_id,
            actor=command.actor,
            reason=command.reason,
        ),
        moves=moves,
        checkout=replace(
            checkout,
            status=Status.REFUND_PENDING,
            order_state=OrderState.CANCELLED,
            reason=command.reason,
        ),
    )
