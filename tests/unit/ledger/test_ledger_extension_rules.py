"""A hold lasts longer when it is asked for in time, in turn, and not too often."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.checkouts import PaymentState, ReservationState, Status
from ledger.commands import Extend
from ledger.rules.extensions import MOST_EXTENSIONS
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, NOON, TTL_SECONDS, do, refusal, told
from tests.unit.ledger.holds import Fault, spoil_reservation, with_reservation

LONGER = 300


def extend(extension: int = 1, seconds: int = LONGER) -> Extend:
    """Ask for more time."""
    return Extend(actor="workflow", reservation_id=f"{ADA}/1", extension=extension, seconds=seconds)


def held(extension: int = 0) -> World:
    """Ada holds a lamp, for so many extensions already."""
    shop = told(cast.commands_to_hold())
    spoil_reservation(extension=extension)(shop)
    return shop


EXTEND_FAULTS: list[tuple[str, Fault]] = [
    ("unknown-checkout", lambda shop: shop.checkouts.clear()),
    ("unknown-reservation", lambda shop: shop.reservations.clear()),
    ("not-held", spoil_reservation(state=ReservationState.COMMITTING)),
    ("not-the-next", spoil_reservation(extension=MOST_EXTENSIONS - 1)),
    ("too-many-extensions", spoil_reservation(extension=MOST_EXTENSIONS)),
]


@pytest.mark.parametrize("index", range(len(EXTEND_FAULTS)), ids=[c for c, _ in EXTEND_FAULTS])
def test_extend_refuses_in_its_documented_order(index: int) -> None:
    """The first fault in the list answers, whatever comes behind it."""
    shop = held()
    for _, spoil in reversed(EXTEND_FAULTS[index:]):
        spoil(shop)
    assert refusal(shop, extend(MOST_EXTENSIONS + 1)).code == EXTEND_FAULTS[index][0]


def test_a_hold_lasts_longer_from_where_it_would_have_ended() -> None:
    """No second is lost by asking early; the answer says how long from now, for whoever keeps the timer."""
    shop = held()
    change = do(shop, extend())
    reservation = shop.reservations[f"{ADA}/1"]
    assert reservation.extension == 1
    assert reservation.expires_at == NOON + timedelta(seconds=TTL_SECONDS + LONGER)
    assert change.answer["seconds_left"] == TTL_SECONDS + LONGER
    assert (change.answer["status"], change.answer["state"]) == ("reserving", "held")


def test_an_extension_moves_no_unit_and_no_state() -> None:
    """What it changes is the time alone."""
    shop = held()
    before, moved = shop.checkouts[ADA], len(shop.movements)
    do(shop, extend())
    assert (shop.checkouts[ADA], len(shop.movements)) == (before, moved)
    assert shop.stock[LAMP, BERLIN].reserved == 1


@pytest.mark.parametrize("had", range(MOST_EXTENSIONS))
def test_a_hold_may_be_extended_so_often(had: int) -> None:
    """The last one allowed is allowed."""
    assert do(held(had), extend(had + 1)).answer["extension"] == had + 1


def test_a_hold_is_not_extended_for_ever() -> None:
    """A customer who never pays would keep the lamp."""
    refused = refusal(held(MOST_EXTENSIONS), extend(MOST_EXTENSIONS + 1))
    assert refused.code == "too-many-extensions"
    assert refused.facts == {"extension": MOST_EXTENSIONS}


@pytest.mark.parametrize("asked", [0, 1, 3])
def test_an_extension_is_asked_for_in_turn(asked: int) -> None:
    """One that was given already, and one that skips another, are told how far it is."""
    refused = refusal(held(1), extend(asked))
    assert (refused.code, refused.facts) == ("not-the-next", {"extension": 1})


@pytest.mark.parametrize(
    "state",
    [s for s in ReservationState if s not in (ReservationState.NONE, ReservationState.HELD)],
)
def test_a_lapsed_hold_is_never_revived(state: ReservationState) -> None:
    """And past the fence there is no time to extend."""
    shop = with_reservation(state, Status.NEEDS_REVIEW, payment_state=PaymentState.AUTHORIZED)
    assert refusal(shop, extend()).facts == {"state": state}


def test_expiry_that_knew_of_no_extension_finds_the_hold_longer() -> None:
    """The timer that fires meanwhile learns how long it has to wait."""
    shop = held()
    do(shop, extend())
    refused = refusal(shop, cast.expire(extension=0))
    assert refused.facts == {"extension": 1, "seconds_left": TTL_SECONDS + LONGER}
    assert do(shop, cast.expire(extension=1)).answer["state"] == "expired"
