"""Holds in every state, and the ways in which a command on one can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ledger.checkouts import (
    PaymentState,
    ReservationState,
    Status,
)
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import (
    ADA,
    BERLIN,
    LAMP,
    stock,
    world,
)

Fault = Callable[[World], object]
ONE_LAMP = (LAMP, BERLIN, 1)


def a_shop(quantity: int = 3) -> World:
    """Put some lamps in Berlin, and have Ada's checkout just opened."""
    shop = world(stock(sellable=quantity))
    shop.checkouts[ADA] = cast.checkout()
    return shop


def with_reservation(
    state: ReservationState, status: Status, *, payment_state: PaymentState = PaymentState.NONE
) -> World:
    """Ada's one lamp is in this state."""
    shop = world(stock(sellable=2, reserved=1))
    shop.reservations[f"{ADA}/1"] = cast.reservation(state, ONE_LAMP)
    shop.checkouts[ADA] = cast.checkout(
        status=status, ordinal=1, reservation_state=state, payment_state=payment_state
    )
    return shop


def spoil_reservation(**fields: object) -> Fault:
    """Change Ada's reservation, if she has one."""

    def spoil(shop: World) -> None:
        for name, row in shop.reservations.items():
            shop.reservations[name] = replace(row, **fields)  # type: ignore[arg-type]

    return spoil


def spoil_checkout(**fields: object) -> Fault:
    """Change Ada's checkout row."""

    def spoil(shop: World) -> None:
        shop.checkouts[ADA] = replace(shop.checkouts[ADA], **fields)  # type: ignore[arg-type]

    return spoil
