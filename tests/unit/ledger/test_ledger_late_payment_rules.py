"""A payment that came after its hold had expired buys what is still there, or nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.checkouts import PaymentState, ReservationState, Status
from ledger.commands import Quantity, Reacquire
from ledger.stock import MovementKind
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, MUNICH, NOON, RUG, do, refusal, stock, world
from tests.unit.ledger.holds import ONE_LAMP, Fault, spoil_checkout

BASKET = "basket"
_THERE = (PaymentState.AUTHORIZED, PaymentState.CAPTURED)


def reacquire(ordinal: int = 2, lines: dict[str, int] | None = None) -> Reacquire:
    """Take a lamp again, or these lines."""
    wanted = {LAMP: 1} if lines is None else lines
    return Reacquire(
        actor="workflow",
        reservation_id=f"{ADA}/{ordinal}",
        lines=tuple(Quantity(sku=sku, quantity=quantity) for sku, quantity in wanted.items()),
    )


def paid_late(quantity: int = 3, payment: PaymentState = PaymentState.AUTHORIZED) -> World:
    """Ada's hold has expired, and then she paid."""
    shop = world(stock(sellable=quantity), stock(RUG, sellable=1))
    shop.reservations[f"{ADA}/1"] = cast.reservation(ReservationState.EXPIRED, ONE_LAMP)
    captured = payment is PaymentState.CAPTURED
    shop.checkouts[ADA] = cast.checkout(
        status=Status.REFUND_PENDING if captured else Status.EXPIRED,
        cart_id=BASKET,
        ordinal=1,
        reservation_state=ReservationState.EXPIRED,
        payment_state=payment,
    )
    return shop


WANTED = reacquire(lines={LAMP: 2, RUG: 1})
REACQUIRE_FAULTS: list[tuple[str, Fault]] = [
    ("unknown-checkout", lambda shop: shop.checkouts.clear()),
    ("not-the-next", spoil_checkout(ordinal=2)),
    ("not-expired", spoil_checkout(reservation_state=ReservationState.RELEASED)),
    ("payment-not-there", spoil_checkout(payment_state=PaymentState.REQUIRES_PAYMENT)),
    ("cart-busy", lambda shop: shop.live_carts.update({("storefront", BASKET): {"co_later"}})),
    ("unknown-sku", lambda shop: shop.products.pop(RUG)),
    ("insufficient-stock", lambda shop: shop.stock.update({(LAMP, BERLIN): stock(sellable=1)})),
]


@pytest.mark.parametrize(
    "index", range(len(REACQUIRE_FAULTS)), ids=[c for c, _ in REACQUIRE_FAULTS]
)
def test_reacquire_refuses_in_its_documented_order(index: int) -> None:
    """The first fault in the list answers, whatever comes behind it."""
    shop = paid_late()
    for _, spoil in reversed(REACQUIRE_FAULTS[index:]):
        spoil(shop)
    assert refusal(shop, WANTED).code == REACQUIRE_FAULTS[index][0]


@pytest.mark.parametrize("lines", [{}, {LAMP: 0}], ids=["no lines", "no units"])
def test_nothing_is_refused_before_anything_else(lines: dict[str, int]) -> None:
    """Even of a checkout that nobody knows."""
    shop = paid_late()
    shop.checkouts.clear()
    assert refusal(shop, reacquire(lines=lines)).code == "nothing-wanted"


@pytest.mark.parametrize("payment", _THERE)
def test_what_is_still_there_is_sold_after_all(payment: PaymentState) -> None:
    """As a new reservation, committed to the sale from the first moment; the first stays as it ended."""
    shop = paid_late(payment=payment)
    change = do(shop, reacquire())
    row, checkout = shop.stock[LAMP, BERLIN], shop.checkouts[ADA]
    first, second = shop.reservations[f"{ADA}/1"], shop.reservations[f"{ADA}/2"]
    assert (row.sellable, row.reserved) == (2, 1)
    assert (first.state, second.state) == (ReservationState.EXPIRED, ReservationState.COMMITTING)
    assert (second.extension, second.expires_at) == (0, NOON)
    assert (checkout.status, checkout.reason) == (Status.COMMITTING, "late-payment")
    assert (checkout.ordinal, checkout.reservation_state) == (2, ReservationState.COMMITTING)
    assert (change.answer["state"], change.answer["status"]) == ("committing", "committing")
    assert shop.movements[-1].kind is MovementKind.RESERVE
    assert shop.movements[-1].cause.reason == "late-payment"


def test_all_lines_are_taken_again_or_none() -> None:
    """A rug alone is not what she paid for."""
    shop = paid_late(quantity=1)
    assert refusal(shop, WANTED).facts == {
        "shortages": [{"sku": LAMP, "requested": 2, "available": 1}]
    }
    assert shop.stock[RUG, BERLIN].reserved == 0


def test_the_last_lamp_is_enough() -> None:
    """Not one more than is wanted has to be there."""
    shop = paid_late(quantity=1)
    do(shop, reacquire())
    assert shop.stock[LAMP, BERLIN].sellable == 0


def test_another_warehouse_may_serve_this_time() -> None:
    """The first hold's units are somebody else's by now."""
    shop = paid_late(quantity=0)
    shop.stock[LAMP, MUNICH] = stock(location=MUNICH, sellable=1)
    shop.locations[MUNICH] = replace(shop.locations[BERLIN], location=MUNICH)
    do(shop, reacquire())
    assert [line.location for line in shop.reservations[f"{ADA}/2"].lines] == [MUNICH]


@pytest.mark.parametrize("payment", [state for state in PaymentState if state not in _THERE])
def test_no_stock_is_taken_for_money_that_is_not_there(payment: PaymentState) -> None:
    """Above all not where the authorization is being voided: the void may win."""
    refused = refusal(paid_late(payment=payment), reacquire())
    assert (refused.code, refused.facts) == ("payment-not-there", {"payment": payment})


@pytest.mark.parametrize(
    "state", [state for state in ReservationState if state is not ReservationState.EXPIRED]
)
def test_only_a_hold_that_ended_by_its_time_is_followed_by_another(state: ReservationState) -> None:
    """One that is still held needs none, and one that was cancelled was given up by its customer."""
    shop = paid_late()
    spoil_checkout(reservation_state=state)(shop)
    refused = refusal(shop, reacquire())
    assert (refused.code, refused.facts) == ("not-expired", {"state": state})


@pytest.mark.parametrize("ordinal", [1, 3])
def test_reservations_are_numbered_without_gaps(ordinal: int) -> None:
    """The first cannot be taken again, and the third does not come before the second."""
    refused = refusal(paid_late(), reacquire(ordinal))
    assert (refused.code, refused.facts) == ("not-the-next", {"ordinal": 1})


def test_a_cart_with_another_checkout_under_way_is_not_charged_twice() -> None:
    """The customer has begun again; the late money is given back."""
    shop = paid_late()
    shop.live_carts["storefront", BASKET] = {"co_later"}
    assert refusal(shop, reacquire()).facts == {"checkout_id": "co_later"}


@pytest.mark.parametrize(
    ("cart", "busy"), [(BASKET, "another basket"), (None, BASKET)], ids=["another", "none"]
)
def test_other_peoples_carts_are_in_nobodys_way(cart: str | None, busy: str) -> None:
    """And a checkout without a cart has none that could be busy."""
    shop = paid_late()
    spoil_checkout(cart_id=cart)(shop)
    shop.live_carts["storefront", busy] = {"co_later"}
    assert do(shop, reacquire()).answer["state"] == "committing"


def test_a_checkout_that_sells_after_all_keeps_its_cart_busy() -> None:
    """Until it is over, no second one may begin."""
    shop = paid_late()
    do(shop, reacquire())
    assert shop.live_carts["storefront", BASKET] == {ADA}


def test_the_limit_per_customer_was_judged_at_the_beginning() -> None:
    """Who paid in good faith is not told of it afterwards; what is taken counts all the same."""
    shop = paid_late()
    shop.products[LAMP] = 1
    shop.claimed["ada", LAMP] = 1
    do(shop, reacquire())
    assert shop.claimed["ada", LAMP] == 2
