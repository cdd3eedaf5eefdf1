"""Two who want opposite things of one checkout, thousands of times: one of them wins, and each line ends once.

The TTL and the payment, a cancel and the fence, a release and its reserve. How they meet is drawn by a
seed, which a failure names: `Plan.of(seed)` is the same again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from dev.postgres import PostgresServer
from ledger import loading, posting, rules
from ledger.checkouts import PaymentOperationKind, PaymentState, ReservationState
from ledger.commands import Command, Expire, Fence, Release
from ledger.world import Change, World
from tests.copies import Database
from tests.history.conftest import Say, say
from tests.integration.ledger.races import (
    LINES,
    Meeting,
    Plan,
    Race,
    Side,
    Track,
    each,
    endings_of,
    name_of,
    told,
    track,
)
from tests.integration.ledger.shop import Shop, broken_promises, open_shop
from tests.proof import FULL, size
from tests.unit.ledger import cast
from tests.unit.ledger.cast import RUG, Seen

__all__ = ["say"]

INTERLEAVINGS = size(share=40, full=2_000)
AT_A_TIME = size(share=20, full=200)
"""After so many, everything is brought to its end and every invariant is looked at."""

LIVES_OF_A_MUTANT = 20

AUTHORIZE, CAPTURE, VOID, _ = PaymentOperationKind
TOTAL = cast.PRICE * sum(LINES.values())
AUTHORIZED = Seen(state=PaymentState.AUTHORIZED, amount=TOTAL, authorized=TOTAL)
CAPTURED = replace(AUTHORIZED, state=PaymentState.CAPTURED, captured=TOTAL)
VOIDED = replace(AUTHORIZED, state=PaymentState.VOIDED)


def opened(name: str) -> list[Command]:
    return [cast.open_checkout(name, lines=LINES)]


def held(name: str) -> list[Command]:
    return [*opened(name), cast.reserve(name, LINES)]


def payable(name: str) -> list[Command]:
    return [*held(name), cast.start(AUTHORIZE, name)]


def authorized(name: str) -> list[Command]:
    return [*payable(name), cast.record(AUTHORIZED, name, proves=AUTHORIZE)]


def sold(name: str) -> list[Command]:
    captured = cast.record(CAPTURED, name, proves=CAPTURE)
    return [cast.start(CAPTURE, name), captured, cast.confirm(name)]


def voided(name: str) -> list[Command]:
    return [cast.start(VOID, name), cast.record(VOIDED, name, proves=VOID)]


def nothing(name: str) -> list[Command]:
    return []


TTL_AND_PAYMENT = Race(
    name="TTL racing payment",
    before=payable,
    sides=(
        Side(name="TTL", deeds=lambda name: [cast.expire(name)], then=voided),
        Side(
            name="payment",
            deeds=lambda name: [cast.record(AUTHORIZED, name), cast.fence(name)],
            then=sold,
        ),
    ),
    winners={("done", "not-held"): "TTL", ("not-held", "done"): "payment"},
    at_once={"TTL": each("expire"), "payment": each()},
    ends={"TTL": each("expire"), "payment": each("confirm")},
)
CANCEL_AND_FENCE = Race(
    name="cancel racing fence",
    before=authorized,
    sides=(
        Side(name="cancel", deeds=lambda name: [cast.release(name)], then=voided),
        Side(name="fence", deeds=lambda name: [cast.fence(name)], then=sold),
    ),
    winners={("done", "not-held"): "cancel", ("too-late", "done"): "fence"},
    at_once={"cancel": each("release"), "fence": each()},
    ends={"cancel": each("release"), "fence": each("confirm")},
)
RELEASE_AND_RESERVE = Race(
    name="release racing reserve",
    before=opened,
    sides=(
        Side(name="release", deeds=lambda name: [cast.release(name)], then=nothing),
        Side(name="reserve", deeds=lambda name: [cast.reserve(name, LINES)], then=nothing),
    ),
    winners={("done", "reservation-released"): "release", ("done", "done"): "reserve"},
    at_once={"release": {}, "reserve": each("release")},
    ends={"release": {}, "reserve": each("release")},
)
RACES = (TTL_AND_PAYMENT, CANCEL_AND_FENCE, RELEASE_AND_RESERVE)
OF_EACH = pytest.mark.parametrize("race", RACES, ids=lambda race: race.name.replace(" ", "-"))


async def lived(on: Track, race: Race, seeds: range) -> dict[Meeting, Counter[str]]:
    """Run so many, each to its end, and count who won."""
    shop, winners = on.shop, {meeting: Counter[str]() for meeting in Meeting}
    await shop.stocked(len(seeds))
    await shop.stocked(2 * len(seeds), RUG)
    plans = [Plan.of(seed) for seed in seeds]
    await shop.tell(*(deed for plan in plans for deed in race.before(name_of(race, plan))))
    firsts: dict[str, str] = {}
    for plan in plans:
        try:
            winner = await on.run(race, plan)
            assert endings_of(shop.database, name_of(race, plan)) == race.at_once[winner], winner
        except BaseException as error:
            error.add_note(f"{race.name}: {plan}")
            raise
        firsts[name_of(race, plan)] = winner
        winners[plan.meeting][winner] += 1
    await brought_to_its_end(shop, race, firsts)
    assert broken_promises(shop.database) == {}
    return winners


async def brought_to_its_end(shop: Shop, race: Race, firsts: Mapping[str, str]) -> None:
    """Let each winner go on, and all knock again: each line has one terminal movement, and keeps it."""
    then = {side.name: side.then for side in race.sides}
    await shop.tell(*(deed for name, first in firsts.items() for deed in then[first](name)))
    for _ in range(2):
        for name, first in firsts.items():
            assert endings_of(shop.database, name) == race.ends[first], (name, first)
        late = (cast.expire, cast.release, cast.fence, cast.confirm)
        await shop.ledger.post_batch([knock(name) for name in firsts for knock in late])


@OF_EACH
@pytest.mark.proof
@pytest.mark.timeout(size(share=120, full=1_800))
async def test_whoever_comes_first_wins_and_each_line_ends_once(
    shop: Shop, postgres: PostgresServer, say: Say, race: Race
) -> None:
    """A winner that is never seen would mean that nothing raced."""
    winners = {meeting: Counter[str]() for meeting in Meeting}
    async with track(shop, postgres.port) as on:
        for first in range(1, INTERLEAVINGS + 1, AT_A_TIME):
            seeds = range(first, min(first + AT_A_TIME, INTERLEAVINGS + 1))
            for meeting, some in (await lived(on, race, seeds)).items():
                winners[meeting] += some
        cuts = sum(wire.cuts for wire in on.wires)
        retries = sum(ledger.retries for ledger in on.ledgers)
    say(f"{race.name}, seeds 1 to {INTERLEAVINGS}: {told(winners)}; {cuts} connections cut")
    assert {name for some in winners.values() for name in some} == set(race.ends)
    assert all(set(some) == set(race.ends) for some in winners.values()) or not FULL
    assert retries == cuts > 0
    assert shop.pile("reserved") == shop.pile("reserved", RUG) == 0


# Wrong ledgers, each of which the races above must see

Patch = pytest.MonkeyPatch


def checkouts_are_read_without_their_lock(patch: Patch) -> None:
    patch.setattr(
        loading,
        "_LOCK_CHECKOUTS",
        text(str(loading._LOCK_CHECKOUTS).replace("FOR NO KEY UPDATE", "")),
    )


def seen_as_held(patch: Patch, command: type[Expire | Release | Fence]) -> None:
    """Let a rule take every reservation for one that is held."""
    true: Callable[[World, Any], Change] = rules._RULES[command]

    def blind(world: World, asked: Any) -> Change:
        found = world.reservations.get(asked.reservation_id)
        if found is not None:
            held_ = replace(found, state=ReservationState.HELD)
            world.reservations[asked.reservation_id] = held_
        return true(world, asked)

    patch.setitem(rules._RULES, command, blind)


def the_time_is_over_whoever_was_first(patch: Patch) -> None:
    seen_as_held(patch, Expire)


def a_cancel_is_never_too_late(patch: Patch) -> None:
    seen_as_held(patch, Release)


def the_fence_stands_on_nothing(patch: Patch) -> None:
    seen_as_held(patch, Fence)


def a_release_of_nothing_is_forgotten(patch: Patch) -> None:
    true = rules._RULES[Release]

    def forgetful(world: World, asked: Any) -> Change:
        nothing_yet = asked.reservation_id not in world.reservations
        change = true(world, asked)
        return replace(change, reservation=None, checkout=None) if nothing_yet else change

    patch.setitem(rules._RULES, Release, forgetful)


def answers_are_forgotten(patch: Patch) -> None:
    true = posting._stored

    async def stored(*asked: Any) -> dict[str, Any]:
        await true(*asked)
        return {}

    patch.setattr(posting, "_stored", stored)


WRONG = [
    *((checkouts_are_read_without_their_lock, race) for race in RACES),
    (answers_are_forgotten, CANCEL_AND_FENCE),
    (the_time_is_over_whoever_was_first, TTL_AND_PAYMENT),
    (the_fence_stands_on_nothing, TTL_AND_PAYMENT),
    (a_cancel_is_never_too_late, CANCEL_AND_FENCE),
    (the_fence_stands_on_nothing, CANCEL_AND_FENCE),
    (a_release_of_nothing_is_forgotten, RELEASE_AND_RESERVE),
]


@pytest.mark.parametrize(
    ("wrong", "race"),
    WRONG,
    ids=[f"{wrong.__name__}-{race.name.replace(' ', '-')}" for wrong, race in WRONG],
)
async def test_a_wrong_ledger_is_seen(
    database: Database,
    postgres: PostgresServer,
    monkeypatch: Patch,
    wrong: Callable[[Patch], None],
    race: Race,
) -> None:
    """A race that every ledger passes has shown nothing."""
    async with open_shop(database) as shop, track(shop, postgres.port) as on:
        wrong(monkeypatch)
        with pytest.raises((AssertionError, ExceptionGroup)):
            await lived(on, race, range(1, LIVES_OF_A_MUTANT + 1))
