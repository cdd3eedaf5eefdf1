"""Rules of a checkout's beginning."""

from __future__ import annotations

from ledger.checkouts import Checkout
from ledger.commands import OpenCheckout
from ledger.errors import Refused
from ledger.movements import Cause
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
