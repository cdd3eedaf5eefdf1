"""How a checkout begins, how an order is taken back, and which states go together."""

from __future__ import annotations

from itertools import product

import pytest

from ledger.checkouts import (
    COMBINATIONS,
    LIVE,
    TERMINAL_PAYMENTS,
    OrderState,
    PaymentState,
    ReservationState,
    Status,
    combination_allowed,
)
from ledger.errors import Broken
from ledger.movements import Cause
from ledger.world import Change, World, check_combination
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, do, refusal, told
from tests.unit.ledger.holds import Fault, spoil_checkout

CART = ("storefront", "cart-7")


def test_an_opened_checkout_waits_for_its_hold() -> None:
    """The row is the promise; it names the customer, the prices and the time to pay."""
    shop = World()
    change = do(shop, cast.open_checkout(cart="cart-7"))
    row = shop.checkouts[ADA]
    assert change.answer == {"checkout_id": ADA}
    assert (row.status, row.ordinal, row.customer_id) == (Status.RESERVING, 0, "ada")
    assert [(line.sku, line.price_minor) for line in row.lines] == [(LAMP, cast.PRICE)]


def test_a_cart_is_paid_for_once() -> None:
    """The older checkout of this cart is still alive, and is named."""
    shop = World(live_carts={CART: {"co_older"}})
    refused = refusal(shop, cast.open_checkout(cart="cart-7"))
    assert (refused.code, refused.facts) == ("cart-busy", {"checkout_id": "co_older"})


def test_other_carts_are_not_in_the_way() -> None:
    """Nor is a checkout without a cart, nor its own row."""
    shop = World(live_carts={CART: {ADA}, ("elsewhere", "cart-7"): {"co_eve"}})
    assert do(shop, cast.open_checkout(cart="cart-7")).refusal is None
    assert do(shop, cast.open_checkout("co_bob")).refusal is None
    assert do(shop, cast.open_checkout("co_cem", cart="cart-8")).refusal is None


CANCEL_FAULTS: list[tuple[str, Fault]] = [
    ("unknown-checkout", lambda shop: shop.checkouts.clear()),
    ("already-shipped", spoil_checkout(order_state=OrderState.PARTLY_SHIPPED)),
    ("payment-not-captured", spoil_checkout(payment_state=PaymentState.UNKNOWN)),
]


@pytest.mark.parametrize("index", range(len(CANCEL_FAULTS)))
def test_cancelling_an_order_refuses_in_its_documented_order(index: int) -> None:
    """The first fault in the list answers, whatever comes behind it."""
    shop = told(cast.commands_to_confirm())
    for _, spoil in reversed(CANCEL_FAULTS[index:]):
        spoil(shop)
    assert refusal(shop, cast.cancel_order()).code == CANCEL_FAULTS[index][0]


@pytest.mark.parametrize("state", OrderState)
def test_only_an_order_of_which_nothing_left_is_cancelled(state: OrderState) -> None:
    """What was shipped comes back as a return."""
    shop = told(cast.commands_to_confirm())
    spoil_checkout(order_state=state)(shop)
    if state is OrderState.PLACED:
        assert do(shop, cast.cancel_order()).answer["status"] == "refund_pending"
    elif state in (OrderState.NONE, OrderState.CANCELLED):
        assert refusal(shop, cast.cancel_order()).code == "no-order"
    else:
        assert refusal(shop, cast.cancel_order()).code == "already-shipped"


def test_a_cancelled_order_is_for_sale_again_before_its_refund() -> None:
    """Stock first, money next: the refund may take days."""
    shop = told(cast.commands_to_confirm())
    do(shop, cast.cancel_order())
    row, checkout = shop.stock[LAMP, BERLIN], shop.checkouts[ADA]
    assert (row.sellable, row.sold) == (3, 0)
    assert (checkout.status, checkout.order_state) == (
        Status.REFUND_PENDING,
        OrderState.CANCELLED,
    )
    assert checkout.reservation_state is ReservationState.CONFIRMED


def rows_of(
    status: Status, reservations: str, payments: str, orders: str
) -> set[tuple[str, str, str, str]]:
    """Spell out one line of the contract's table."""
    return set(product([status.value], reservations.split(), payments.split(), orders.split()))


NOT_TAKEN = "none requires_payment processing authorized failed voiding voided"
UNDONE = "captured unknown refunding refunded"
CONTRACT = set().union(
    rows_of(Status.RESERVING, "none held", "none", "none"),
    rows_of(Status.OUT_OF_STOCK, "none", "none", "none"),
    rows_of(Status.LIMIT_EXCEEDED, "none", "none", "none"),
    rows_of(
        Status.AWAITING_PAYMENT, "held", "requires_payment processing authorized captured", "none"
    ),
    rows_of(Status.COMMITTING, "committing", "authorized capturing unknown captured", "none"),
    rows_of(
        Status.CONFIRMED,
        "confirmed",
        "captured refunding refunded",
        "placed partly_shipped shipped partly_returned returned",
    ),
    rows_of(Status.DECLINED, "none released", NOT_TAKEN, "none"),
    rows_of(Status.CANCELLED, "none released", NOT_TAKEN, "none"),
    rows_of(Status.EXPIRED, "none expired", NOT_TAKEN, "none"),
    rows_of(Status.REFUND_PENDING, "released expired confirmed", UNDONE, "none cancelled"),
    rows_of(Status.REFUNDED, "released expired confirmed", UNDONE, "none cancelled"),
    rows_of(
        Status.NEEDS_REVIEW,
        " ".join(ReservationState),
        " ".join(PaymentState),
        " ".join(OrderState),
    ),
)


def test_the_table_of_states_is_the_contracts() -> None:
    """Every combination there could be, allowed and forbidden."""
    combinations = set(product(Status, ReservationState, PaymentState, OrderState))
    allowed = {c for c in combinations if combination_allowed(*c)}
    assert {tuple(map(str, c)) for c in allowed} == CONTRACT
    assert set(COMBINATIONS) == set(Status)


def test_a_rule_cannot_put_impossible_states_together() -> None:
    """It breaks, and nothing of the change is kept."""
    shop = World()
    impossible = cast.checkout(status=Status.CONFIRMED)
    with pytest.raises(Broken) as broken:
        shop.apply(
            Change(
                cause=Cause(operation_key=None, kind="test", id="t", actor="t"),
                checkout=impossible,
            )
        )
    assert broken.value.facts["status"] is Status.CONFIRMED
    assert (shop.checkouts, shop.written) == ({}, set())
    check_combination(cast.checkout())


def test_a_live_checkout_may_still_take_money() -> None:
    """The index of live carts and the orphan check are made of these words."""
    assert {"reserving", "awaiting_payment", "committing"} == LIVE
    assert {"none", "captured", "refunded", "voided"} == TERMINAL_PAYMENTS
