"""Rules of a checkout's beginning."""

from __future__ import annotations

from ledger.checkouts import Checkout
from ledger.commands import OpenCheckout
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.world import Change, World


def refuse_busy_cart(world: World, owner: str, cart_id: str | None, checkout_id: str) -> None:
    """Refuse `cart-busy` where money may be taken for the cart by another checkout."""
    if cart_id is None:
        return
    others = world.live_carts.get((owner, cart_id), set()) - {checkout_id}
    if others:
        raise Refused("cart-busy", checkout_id=min(others))


def open_checkout(world: World, command: OpenCheckout) -> Change:
    """Write the checkout's row.

    Refused: `nothing-wanted`; `duplicate-sku`, since lines are merged before anything is checked;
    `cart-busy` with the id of another checkout for which money may still be taken, live or ended.
    """
    if not command.lines or any(line.quantity <= 0 for line in command.lines):
        raise Refused("nothing-wanted")
    if len({line.sku for line in command.lines}) < len(command.lines):
        raise Refused("duplicate-sku")
    refuse_busy_cart(world, command.owner, command.cart_id, command.checkout_id)
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
