"""Spoilt stories, rules and steps: each breaks one promise, and a search must see which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger import rules, world
from ledger.checkouts import (
    PaymentOperationKind,
    PaymentState,
    ReservationLine,
    Status,
)
from ledger.commands import Confirm, Fence, StartRefund
from ledger.refunds import Refund
from ledger.rules import checkouts, late_payments, payments, refunds, reservations
from ledger.stock import Pile, Stock
from ledger.world import Change, World
from tests.model_check.small_world import BERLIN, LAMP
from workflows import story
from workflows.steps import CancelAsked, Command, Done, Event, Stage, Step
from workflows.story import Story

Mutant = Callable[[pytest.MonkeyPatch], None]

_ANYTIME = {kind: frozenset(Status) for kind in PaymentOperationKind}
_LAMP_LINE = ReservationLine(sku=LAMP, location=BERLIN, quantity=1)


def states_go_together(patch: pytest.MonkeyPatch) -> None:
    """Let the table of states that go together not be in a mutant's way."""
    patch.setattr(world, "check_combination", lambda _checkout: None)


def money_at_any_time(patch: pytest.MonkeyPatch) -> None:
    """Nor the rules of what may be asked of the provider when."""
    states_go_together(patch)
    patch.setattr(payments, "_MAY_BE_ASKED_IN", _ANYTIME)
    patch.setattr(payments, "_GONE", frozenset())


# Stories


def undo_last_first(patch: pytest.MonkeyPatch) -> None:
    """Void before the release, as a plain stack of undos would."""
    _undo_by(patch, lambda told: told.undo[-1])


def refund_first(patch: pytest.MonkeyPatch) -> None:
    """Give the money back while the units are held, owed or not."""
    true = refunds.start

    def owed_anyway(shop: World, asked: StartRefund) -> Change:
        name, payment = asked.checkout_id, shop.payments.get(asked.checkout_id)
        if payment is not None:
            amount = payment.amount_minor
            owed = Refund(checkout_id=name, refund_id=asked.refund_id, amount_minor=amount)
            shop.refunds.setdefault(owed.identity, owed)
        return true(shop, asked)

    patch.setitem(rules._RULES, StartRefund, owed_anyway)
    _undo_by(patch, lambda _: Step.REFUND_PAYMENT)


def _undo_by(patch: pytest.MonkeyPatch, chosen: Callable[[Story], Step]) -> None:
    def next_undo(told: Story) -> tuple[Story, tuple[Command, ...]]:
        if not told.undo:
            return replace(told, stage=Stage.CLOSED), ()
        command = Command(step=chosen(told), ending=told.ending, reason=told.reason)
        return replace(told, under_way=command), (command,)

    money_at_any_time(patch)
    patch.setattr(story, "_next_undo", next_undo)


def undo_nothing(patch: pytest.MonkeyPatch) -> None:
    """Close at once."""
    patch.setattr(story, "_next_undo", lambda told: (replace(told, stage=Stage.CLOSED), ()))


def wait_for_ever(patch: pytest.MonkeyPatch) -> None:
    """Neither look at payments nor at the clock."""
    patch.setattr(story, "_next_awaiting", lambda told: (told, ()))


def void_without_refund(patch: pytest.MonkeyPatch) -> None:
    """Forget that what is captured cannot be voided."""
    patch.setitem(story._FOLD, Step.VOID_PAYMENT, lambda told, _: replace(told, undo=()))


def take_late_payments_for_voided(patch: pytest.MonkeyPatch) -> None:
    """Hear `late-payment`, and close."""
    patch.setitem(
        story._FOLD, Step.VOID_PAYMENT, lambda told, done: story._undone(told, replace(done))
    )


def hear_no_cancel(patch: pytest.MonkeyPatch) -> None:
    """Lose what a customer asks for."""
    folded = story._folded

    def deaf(told: Story, event: Event) -> Story:
        return told if isinstance(event, CancelAsked) else folded(told, event)

    patch.setattr(story, "_folded", deaf)


def take_a_capture_for_a_decline(patch: pytest.MonkeyPatch) -> None:
    """Give the stock back after the money was taken."""

    def declined(told: Story, _done: Done) -> Story:
        return story._ended(told, Status.DECLINED, "misread", compensating=True)

    states_go_together(patch)
    patch.setitem(story._FOLD, Step.CAPTURE_PAYMENT, declined)


def tell_another_end(patch: pytest.MonkeyPatch) -> None:
    """Say that an expired checkout was declined."""
    voided = story._FOLD[Step.VOID_PAYMENT]
    patch.setitem(
        story._FOLD,
        Step.VOID_PAYMENT,
        lambda told, done: replace(voided(told, done), status=Status.DECLINED),
    )


# Rules


def forget_tombstones(patch: pytest.MonkeyPatch) -> None:
    """Reserve whatever has happened to the reservation."""
    states_go_together(patch)
    patch.setattr(reservations, "_refuse_ended", lambda *_: None)


def confirm_for_nothing(patch: pytest.MonkeyPatch) -> None:
    """Take an authorization for the money, in the story and in the rule."""
    accepted, confirm = story._FOLD[Step.ACCEPT_PAYMENT], reservations.confirm

    def at_once(told: Story, done: Done) -> Story:
        after = accepted(told, done)
        return replace(after, captured=after.stage is Stage.COMMITTING)

    def trusting(shop: World, command: Confirm) -> Change:
        row = shop.checkouts[command.checkout_id]
        paid = replace(row, payment_state=PaymentState.CAPTURED)
        shop.checkouts[command.checkout_id] = paid
        change = confirm(shop, command)
        shop.checkouts[command.checkout_id] = row
        assert change.checkout is not None
        kept = replace(change.checkout, payment_state=row.payment_state)
        return replace(change, checkout=kept)

    states_go_together(patch)
    patch.setitem(story._FOLD, Step.ACCEPT_PAYMENT, at_once)
    patch.setitem(rules._RULES, Confirm, trusting)


def fence_in_words_alone(patch: pytest.MonkeyPatch) -> None:
    """Say that the hold is fenced, and leave it as it is."""
    fence = reservations.fence

    def spoken(shop: World, command: Fence) -> Change:
        return replace(fence(shop, command), reservation=None, checkout=None)

    money_at_any_time(patch)
    patch.setitem(rules._RULES, Fence, spoken)


def ask_under_another_key(patch: pytest.MonkeyPatch) -> None:
    """Repeat a request as a new one."""
    patch.setattr(payments, "_asked_again", lambda _operation: True)


def capture_again_after_a_no(patch: pytest.MonkeyPatch) -> None:
    """Try another key where the bank has refused."""
    patch.setattr(payments, "_ASKED_AGAIN", frozenset(PaymentOperationKind))


def keep_what_was_taken(patch: pytest.MonkeyPatch) -> None:
    """Learn that the payment of an ended checkout was captured, and owe nothing."""
    states_go_together(patch)
    patch.setattr(
        payments, "_with_payment", lambda row, paid: replace(row, payment_state=paid.state)
    )


def expire_and_owe_nothing(patch: pytest.MonkeyPatch) -> None:
    """End a hold that was paid for as if it had not been."""
    ended = reservations._ended

    def forgetful(command: Any, *, checkout: Any, **more: Any) -> Change:
        change = ended(command, checkout=checkout, **more)
        assert change.checkout is not None
        return replace(change, checkout=replace(change.checkout, status=checkout.status))

    patch.setattr(reservations, "_ended", forgetful)


def expire_without_giving_back(patch: pytest.MonkeyPatch) -> None:
    """End holds, and leave their units in `reserved`."""
    patch.setattr(reservations, "moves_of", lambda *_: ())


def reserve_what_is_not_there(patch: pytest.MonkeyPatch) -> None:
    """Promise the same lamp to both."""
    patch.setattr(reservations, "sourced_lines", lambda *_: (_LAMP_LINE,))


def reacquire_what_is_not_there(patch: pytest.MonkeyPatch) -> None:
    """Sell the rival's lamp to whoever paid late."""
    patch.setattr(late_payments, "sourced_lines", lambda *_: (_LAMP_LINE,))


def take_from_nowhere(patch: pytest.MonkeyPatch) -> None:
    """Put units into a pile and take them from none."""

    def conjured(row: Stock, _source: Pile, target: Pile, quantity: int) -> Stock:
        return replace(row, **{target.value: getattr(row, target) + quantity})

    patch.setattr(Stock, "moved", conjured)


def forget_the_cart(patch: pytest.MonkeyPatch) -> None:
    """Let a cart begin again though its older checkout may still be paid."""
    for room in (checkouts, late_payments):
        patch.setattr(room, "refuse_busy_cart", lambda *_: None)


def count_no_claims(patch: pytest.MonkeyPatch) -> None:
    """Forget what a customer has already."""
    patch.setattr(World, "_claim", lambda *_: None)


def limit_nobody(patch: pytest.MonkeyPatch) -> None:
    """Know the limit, and do not mind."""
    patch.setattr(reservations, "_refuse_over_limit", lambda *_: None)
