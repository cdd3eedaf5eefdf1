"""The token of a reservation: derived, so that nothing is stored, and bound to key, reservation and owner."""

from __future__ import annotations

import pytest

from api.reservation_tokens import ReservationTokens

BOTH = ReservationTokens({"new": "new-secret", "old": "old-secret"})
OLD = ReservationTokens({"old": "old-secret"})


def test_the_same_token_on_every_replay() -> None:
    assert BOTH.make("co_a/1", "shop") == BOTH.make("co_a/1", "shop")


def test_a_token_outlives_the_rotation_of_keys() -> None:
    """Those already handed out still cancel; new ones are signed with the new key."""
    assert BOTH.fits(OLD.make("co_a/1", "shop"), "co_a/1", "shop")
    assert BOTH.make("co_a/1", "shop").startswith("new.")
    assert not OLD.fits(BOTH.make("co_a/1", "shop"), "co_a/1", "shop")


@pytest.mark.parametrize(
    ("reservation", "owner"), [("co_b/1", "shop"), ("co_a/2", "shop"), ("co_a/1", "other")]
)
def test_a_token_opens_one_reservation_of_one_owner(reservation: str, owner: str) -> None:
    assert not BOTH.fits(BOTH.make("co_a/1", "shop"), reservation, owner)


@pytest.mark.parametrize("token", ["", ".", "new", "new.", "old." + "A" * 43, "x.y", "ü", "new.\0"])
def test_nonsense_fits_nothing(token: str) -> None:
    assert not BOTH.fits(token, "co_a/1", "shop")
