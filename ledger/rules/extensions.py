"""The rule of a hold that is to last longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ledger.commands import Extend
from ledger.errors import Refused
from ledger.rules.reservations import cause_of, described, held, seconds_left
from ledger.world import Change, World

MOST_EXTENSIONS = 2


def extend(world: World, command: Extend) -> Change:
    """Let a hold last longer; its answer says how long it lasts from now, for whoever keeps the timer.

    Refused: `unknown-checkout`, `unknown-reservation`; `not-held` with the state, since a lapsed hold
    is never revived; `not-the-next` for another extension than the one after those there were;
    `too-many-extensions`.
    """
    checkout, reservation = held(world, command)
    if command.extension != reservation.extension + 1:
        raise Refused("not-the-next", extension=reservation.extension)
    if command.extension > MOST_EXTENSIONS:
        raise Refused("too-many-extensions", extension=reservation.extension)
    # From here it must succeed.
    assert reservation.expires_at is not None
    longer = replace(
        reservation,
        extension=command.extension,
        expires_at=reservation.expires_at + timedelta(seconds=command.seconds),
    )
    answer = described(longer, checkout.status)
    return Change(
        answer={**answer, "seconds_left": seconds_left(world, longer)},
        cause=cause_of(command),
        reservation=longer,
        checkout=checkout,
    )
