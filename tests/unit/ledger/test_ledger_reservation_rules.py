"""A hold is taken once and given back once, and never revived."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.checkouts import (
    PaymentOperationKind,
    ReservationState,
    Status,
)
from ledger.commands import Quantity, Reserve
from ledger.errors import Broken
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import (
    ADA,
    BERLIN,
    LAMP,
    MUNICH,
    NOON,
    RUG,
    TEAPOT,
    TTL_SECONDS,
    do,
    refusal,
    stock,
    told,
    world,
)
from tests.unit.ledger.holds import (
    ONE_LAMP,
    Fault,
    a_shop,
    spoil_checkout,
    with_reservation,
)

RESERVE_FAULTS: list[tuple[str, Fault]] = [
    ("unknown-checkout", lambda shop: shop.checkouts.clear()),
    (
        "reservation-released",
        lambda shop: shop.reservations.update(
            {f"{ADA}/1": cast.reservation(ReservationState.RELEASED)}
        ),
    ),
    ("already-cancelled", spoil_checkout(status=Status.CANCELLED)),
    ("unknown-sku", lambda shop: shop.products.pop(RUG)),
    (
        "limit-exceeded",
        lambda shop: (shop.products.update({LAMP: 2}), shop.claimed.update({("ada", LAMP): 1})),
    ),
    (
        "insufficient-stock",
        lambda shop: shop.stock.update({(LAMP, BERLIN): stock(sellable=1)}),
    ),
]


def two_lamps_and_a_rug() -> World:
    """Everything that Ada wants is there."""
    shop = world(stock(sellable=2), stock(RUG, sellable=1))
    shop.checkouts[ADA] = cast.checkout()
    return shop


WANTED = cast.reserve(lines={LAMP: 2, RUG: 1})


@pytest.mark.parametrize("index", range(len(RESERVE_FAULTS)), ids=[c for c, _ in RESERVE_FAULTS])
def test_reserve_refuses_in_its_documented_order(index: int) -> None:
    """The first fault in the list answers, whatever comes behind it."""
    shop = two_lamps_and_a_rug()
    for _, spoil in reversed(RESERVE_FAULTS[index:]):
        spoil(shop)
    assert refusal(shop, WANTED).code == RESERVE_FAULTS[index][0]


def test_reserve_takes_every_line_out_of_sale() -> None:
    """And says until when, by the ledger's clock."""
    shop = two_lamps_and_a_rug()
    change = do(shop, WANTED)
    assert change.answer == {
        "status": "reserving",
        "reservation_id": f"{ADA}/1",
        "state": "held",
        "extension": 0,
        "expires_at": (NOON + timedelta(seconds=TTL_SECONDS)).isoformat(),
        "lines": [
            {"sku": LAMP, "location": BERLIN, "quantity": 2},
            {"sku": RUG, "location": BERLIN, "quantity": 1},
        ],
    }
    assert [(r.sellable, r.reserved) for r in shop.stock.values()] == [(0, 2), (0, 1)]
    assert shop.checkouts[ADA].reservation_state is ReservationState.HELD
    assert shop.checkouts[ADA].status is Status.RESERVING


def test_reserve_tells_the_shortages_of_all_lines() -> None:
    """A customer corrects a cart once, not once a line; nothing of it is held."""
    shop = world(
        stock(sellable=1), stock(LAMP, MUNICH, sellable=1), stock(RUG), stock(TEAPOT, sellable=9)
    )
    shop.checkouts[ADA] = cast.checkout()
    change = do(shop, cast.reserve(lines={LAMP: 5, RUG: 2, TEAPOT: 1}))
    assert change.refusal is not None
    assert change.refusal.facts["shortages"] == [
        {"sku": LAMP, "requested": 5, "available": 2},
        {"sku": RUG, "requested": 2, "available": 0},
    ]
    assert shop.movements == []
    assert shop.reservations == {}
    assert shop.checkouts[ADA].status is Status.OUT_OF_STOCK


def test_two_lines_of_one_sku_are_one_demand() -> None:
    """medusa#16502: six and eight were each checked against the same ten."""
    shop = a_shop(10)
    lines = (Quantity(sku=LAMP, quantity=6), Quantity(sku=LAMP, quantity=8))
    command = Reserve(actor="workflow", reservation_id=f"{ADA}/1", lines=lines)
    assert refusal(shop, command).facts["shortages"] == [
        {"sku": LAMP, "requested": 14, "available": 10}
    ]


@pytest.mark.parametrize(("claimed", "wanted", "fits"), [(0, 2, True), (1, 1, True), (1, 2, False)])
def test_a_limit_counts_what_the_customer_has_elsewhere(
    claimed: int, wanted: int, fits: bool
) -> None:
    """Two lamps a customer, over all of their checkouts; exactly two is allowed."""
    shop = world(stock(sellable=9), limits={LAMP: 2})
    shop.checkouts[ADA] = cast.checkout()
    shop.claimed[("ada", LAMP)] = claimed
    change = do(shop, cast.reserve(lines={LAMP: wanted}))
    assert (change.refusal is None) is fits
    assert shop.checkouts[ADA].status is (Status.RESERVING if fits else Status.LIMIT_EXCEEDED)


def test_a_hold_counts_towards_the_limit_at_once_and_gives_back_when_it_ends() -> None:
    """The commands of one batch see each other."""
    shop = world(stock(sellable=9), limits={LAMP: 2})
    shop.claimed[("ada", LAMP)] = 0
    for name in (ADA, "co_again", "co_later"):
        shop.checkouts[name] = cast.checkout(name, customer_id="ada")
    do(shop, cast.reserve(lines={LAMP: 2}))
    assert refusal(shop, cast.reserve("co_again")).code == "limit-exceeded"
    do(shop, cast.release())
    assert do(shop, cast.reserve("co_later", {LAMP: 2})).refusal is None


@pytest.mark.parametrize("state", [s for s in ReservationState if s is not ReservationState.NONE])
def test_a_reservation_is_never_taken_twice(state: ReservationState) -> None:
    """Whatever became of it, the late reserve is told."""
    shop = a_shop()
    shop.reservations[f"{ADA}/1"] = cast.reservation(state, ONE_LAMP)
    assert refusal(shop, cast.reserve()).code == f"reservation-{state}"


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.RESERVING])
def test_a_checkout_past_its_beginning_takes_no_hold(status: Status) -> None:
    """Only `reserving` waits for one."""
    shop = a_shop()
    spoil_checkout(status=status)(shop)
    assert refusal(shop, cast.reserve()).code == f"already-{status}"


# Release


def test_release_gives_the_units_back_and_ends_the_checkout() -> None:
    """In the words the caller chose."""
    shop = told(cast.commands_to_authorize())
    change = do(shop, cast.release(ending=Status.DECLINED, reason="card_declined"))
    row, checkout = shop.stock[LAMP, BERLIN], shop.checkouts[ADA]
    assert (row.sellable, row.reserved) == (3, 0)
    assert (checkout.status, checkout.reason) == (Status.DECLINED, "card_declined")
    assert (change.answer["state"], change.answer["status"]) == ("released", "declined")


def test_release_before_reserve_writes_a_tombstone() -> None:
    """A late reserve of a cancelled checkout finds it; without it the hold would live on, unowned."""
    shop = a_shop()
    do(shop, cast.release())
    tombstone = shop.reservations[f"{ADA}/1"]
    assert (tombstone.state, tombstone.lines, tombstone.expires_at) == ("released", (), None)
    assert refusal(shop, cast.reserve()).code == "reservation-released"
    assert shop.movements == []


@pytest.mark.parametrize(
    "status", [Status.OUT_OF_STOCK, Status.LIMIT_EXCEEDED, Status.CANCELLED, Status.EXPIRED]
)
def test_a_checkout_that_ended_without_a_hold_gets_no_tombstone(status: Status) -> None:
    """Its ending stands."""
    shop = a_shop()
    spoil_checkout(status=status)(shop)
    assert refusal(shop, cast.release()).code == f"already-{status}"


@pytest.mark.parametrize(
    ("state", "compensating", "code"),
    [
        (ReservationState.RELEASED, False, "already-released"),
        (ReservationState.EXPIRED, False, "already-expired"),
        (ReservationState.CONFIRMED, False, "already-confirmed"),
        (ReservationState.COMMITTING, False, "too-late"),
        (ReservationState.EXPIRED, True, "already-expired"),
        (ReservationState.CONFIRMED, True, "already-confirmed"),
    ],
)
def test_release_comes_too_late(state: ReservationState, compensating: bool, code: str) -> None:
    """Whoever was first has won, and past the fence only an undo gives back."""
    shop = with_reservation(state, Status.NEEDS_REVIEW)
    assert refusal(shop, cast.release(compensating=compensating)).code == code


def test_release_of_an_unknown_checkout_is_refused() -> None:
    """There is nothing to hang a tombstone on."""
    assert refusal(world(stock()), cast.release()).code == "unknown-checkout"


def test_an_undo_gives_back_past_the_fence() -> None:
    """Once the capture is proved not to have happened."""
    shop = told(cast.commands_to_fence())
    do(shop, cast.start(PaymentOperationKind.CAPTURE))
    do(shop, cast.fail(PaymentOperationKind.CAPTURE))
    do(shop, cast.release(ending=Status.DECLINED, compensating=True))
    assert shop.stock[LAMP, BERLIN].sellable == 3
    assert shop.checkouts[ADA].status is Status.DECLINED


def test_an_undo_while_the_capture_is_unproved_breaks() -> None:
    """To give stock back while money may be taken is what the table of states forbids."""
    shop = told([*cast.commands_to_fence(), cast.start(PaymentOperationKind.CAPTURE)])
    with pytest.raises(Broken, match="impossible-combination"):
        do(shop, cast.release(ending=Status.DECLINED, compensating=True))
    assert shop.stock[LAMP, BERLIN].reserved == 1
