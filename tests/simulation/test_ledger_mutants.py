"""Ledgers that are wrong in one place: the machine must see it, or its passing would say nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import Phase, settings
from sqlalchemy import text

from ledger import claims, commands, loading, posting, rules
from ledger.checkouts import PaymentState
from ledger.documents import waiting
from ledger.documents.values import ReturnLine, TransferLine
from ledger.rules import orders, reservations, short_picks, sourcing
from ledger.rules.reservations import checkout_row
from ledger.stock import MovementKind, Stock
from ledger.world import Change, World
from tests.proof import size
from tests.simulation.ground import Ground, MakeGround
from tests.simulation.machine import live, lives

LIVES = size(share=150, full=1_000)
"""How many lives a mutant has at most; most are found in the first few."""

Patch = pytest.MonkeyPatch
Rule = Callable[[World, Any], Change]


def _instead(patch: Patch, command: type[commands.Command], rule: Callable[[Rule], Rule]) -> None:
    """Put a rule in the place of another that may ask the first."""
    patch.setitem(rules._RULES, command, rule(rules._RULES[command]))


def _seeing(patch: Patch, command: type[commands.Command], **changed: Any) -> None:
    """Let a rule see another command than was asked."""
    _instead(patch, command, lambda rule: lambda world, c: rule(world, replace(c, **changed)))


def reserve_takes_what_is_held_back(patch: Patch) -> None:
    true = sourcing.sourced

    def all_sellable(sku: str, quantity: int, rows: Any, priorities: dict[str, int]) -> Any:
        bare = [replace(row, safety_stock=0, feed_buffer=0, paused=()) for row in rows]
        return true(sku, quantity, bare, priorities)

    patch.setattr("ledger.rules.reservations.sourced", all_sellable)


def safety_stock_is_ignored(patch: Patch) -> None:
    def held_back(row: Stock) -> int:
        return row.sellable if row.paused else min(row.feed_buffer, row.sellable)

    patch.setattr(Stock, "held_back", property(held_back))


def release_gives_one_unit_too_many(patch: Patch) -> None:
    true = reservations.moves_between

    def generous(lines: Any, kind: MovementKind, source: Any, target: Any) -> Any:
        moves = true(lines, kind, source, target)
        if kind is not MovementKind.RELEASE or not moves:
            return moves
        return (replace(moves[0], quantity=moves[0].quantity + 1), *moves[1:])

    patch.setattr(reservations, "moves_between", generous)


def the_limit_is_one_too_high(patch: Patch) -> None:
    true = reservations._refuse_over_limit

    def lax(world: World, checkout: Any, wanted: Any) -> None:
        more = {sku: limit and limit + 1 for sku, limit in world.products.items()}
        true(replace(world, products=more), checkout, wanted)

    patch.setattr(reservations, "_refuse_over_limit", lax)


def the_nearest_place_serves_last(patch: Patch) -> None:
    true = sourcing.sourced

    def turned(sku: str, quantity: int, rows: Any, priorities: dict[str, int]) -> Any:
        return true(sku, quantity, rows, {name: -number for name, number in priorities.items()})

    patch.setattr("ledger.rules.reservations.sourced", turned)


def confirm_asks_for_no_capture(patch: Patch) -> None:
    def blind(rule: Rule) -> Rule:
        def confirm(world: World, command: Any) -> Change:
            name = command.checkout_id
            if name in world.checkouts:
                paid = replace(checkout_row(world, name), payment_state=PaymentState.CAPTURED)
                world.checkouts[name] = paid
            return rule(world, command)

        return confirm

    _instead(patch, commands.Confirm, blind)


def a_shipment_is_not_counted_against_the_order(patch: Patch) -> None:
    true = orders._sent

    def forgetful(world: World, command: Any, sku: str, quantity: int) -> Any:
        line = true(world, command, sku, quantity)
        return replace(line, shipped=line.shipped - quantity)

    patch.setattr(orders, "_sent", forgetful)


def a_return_is_taken_from_the_last_place(patch: Patch) -> None:
    true = orders._taken_back

    def elsewhere(lines: Any, location: str, quantity: int) -> Any:
        return true(lines, "", quantity)

    patch.setattr(orders, "_taken_back", elsewhere)


def a_return_lies_where_the_order_was_sent_from(patch: Patch) -> None:
    true = orders._return_moves

    def wrong(world: World, location: str, lines: Any, taken: Any) -> Any:
        return true(world, next(iter(taken)), lines, taken)

    patch.setattr(orders, "_return_moves", wrong)


def an_inspection_forgets_what_others_found(patch: Patch) -> None:
    patch.setattr(ReturnLine, "to_inspect", property(lambda line: line.quantity))


def a_transfer_arrives_twice(patch: Patch) -> None:
    patch.setattr(TransferLine, "travelling", property(lambda line: line.quantity - line.lost))


def a_stale_version_is_good_enough(patch: Patch) -> None:
    _seeing(patch, commands.Adjust, expected_version=None)


def an_expiry_knows_no_extension(patch: Patch) -> None:
    _seeing(patch, commands.Expire, extension=0)


def the_fence_stops_nobody(patch: Patch) -> None:
    _seeing(patch, commands.Release, compensating=True)


def a_repeated_key_is_done_again(patch: Patch) -> None:
    async def nothing(*_: Any) -> dict[str, Any]:
        return {}

    patch.setattr(posting, "_stored", nothing)


def another_input_gets_the_first_answer(patch: Patch) -> None:
    true = posting._replayed
    patch.setattr(
        posting,
        "_replayed",
        lambda command, _, outcome: true(command, command.fingerprint(), outcome),
    )


def a_place_is_not_looked_at(patch: Patch) -> None:
    sql = loading._LOCK_STOCK_OF_SKUS.text.replace("ORDER BY", "AND location <> 'MUC1' ORDER BY")
    patch.setattr(loading, "_LOCK_STOCK_OF_SKUS", text(sql))


def a_cancelled_order_counts_against_the_limit(patch: Patch) -> None:
    sql = claims._CLAIMED.text.replace("AND c.order_state <> 'cancelled'", "")
    patch.setattr(claims, "_CLAIMED", text(sql))


def what_was_not_found_counts_against_the_limit(patch: Patch) -> None:
    sql = claims._CLAIMED.text.replace("-l.short", "0")
    patch.setattr(claims, "_CLAIMED", text(sql))


def an_empty_shelf_serves_instead(patch: Patch) -> None:
    true = short_picks._replaced
    patch.setattr(short_picks, "_replaced", lambda world, _, missing: true(world, (), missing))


def what_came_instead_is_paid_back_too(patch: Patch) -> None:
    true = short_picks._unserved
    patch.setattr(short_picks, "_unserved", lambda missing, _: true(missing, ()))


def an_order_of_which_nothing_is_left_goes_on(patch: Patch) -> None:
    patch.setattr(short_picks, "_ended", lambda checkout, _: checkout)


def waiting_documents_are_forgotten(patch: Patch) -> None:
    sql = waiting._DUE.text.replace(
        "d.state = 'waiting'", "d.state = 'waiting' AND d.kind <> 'return'"
    )
    patch.setattr(waiting, "_DUE", text(sql))


QUICK: tuple[Callable[[Patch], None], ...] = (
    reserve_takes_what_is_held_back,
    the_nearest_place_serves_last,
    release_gives_one_unit_too_many,
    a_shipment_is_not_counted_against_the_order,
    a_repeated_key_is_done_again,
    a_place_is_not_looked_at,
)
RARE: tuple[Callable[[Patch], None], ...] = (
    safety_stock_is_ignored,
    the_limit_is_one_too_high,
    confirm_asks_for_no_capture,
    a_return_is_taken_from_the_last_place,
    a_return_lies_where_the_order_was_sent_from,
    an_inspection_forgets_what_others_found,
    a_transfer_arrives_twice,
    a_stale_version_is_good_enough,
    an_expiry_knows_no_extension,
    the_fence_stops_nobody,
    another_input_gets_the_first_answer,
    a_cancelled_order_counts_against_the_limit,
    what_was_not_found_counts_against_the_limit,
    an_empty_shelf_serves_instead,
    what_came_instead_is_paid_back_too,
    an_order_of_which_nothing_is_left_goes_on,
    waiting_documents_are_forgotten,
)


def _name(mutate: Callable[[Patch], None]) -> str:
    return mutate.__name__


@pytest.mark.parametrize("mutate", QUICK, ids=_name)
def test_a_wrong_ledger_is_found(
    mutate: Callable[[Patch], None], make_ground: MakeGround, monkeypatch: Patch
) -> None:
    """These are found within the first lives; the others when everything is proved."""
    _must_be_found(mutate, make_ground, monkeypatch)


@pytest.mark.proof(only=True)
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("mutate", RARE, ids=_name)
def test_a_ledger_that_is_rarely_wrong_is_found(
    mutate: Callable[[Patch], None], make_ground: MakeGround, monkeypatch: Patch
) -> None:
    """What is wrong shows only where a life comes to it."""
    _must_be_found(mutate, make_ground, monkeypatch)


def _must_be_found(mutate: Callable[[Patch], None], make_ground: MakeGround, patch: Patch) -> None:
    mutate(patch)
    lived = count(1)

    @contextmanager
    def counted() -> Iterator[Ground]:
        next(lived)
        with make_ground() as ground:
            yield ground

    with pytest.raises(AssertionError):
        live(counted, settings(lives(LIVES, 30), phases=[Phase.generate]))
    print(f"{mutate.__name__}: found in life {next(lived) - 1} of {LIVES}")
