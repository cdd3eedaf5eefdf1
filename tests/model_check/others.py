"""What people and other processes do to a checkout of the small world, beside its own steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger.checkouts import PaymentState, ReservationState
from ledger.commands import Expire
from ledger.errors import Broken
from payments.simulator.intents import Cancel, Confirm, IntentStatus, Settle
from payments.simulator.intents import decide as till
from payments.simulator.payment_methods import PAYMENT_METHODS
from payments.simulator.refusals import Refusal
from tests.model_check.effects import BrokenPromiseError
from tests.model_check.small_world import (
    HOLD,
    PAID_FOR,
    Moment,
    Shelf,
    Shop,
)


def pays(now: Moment, method: str) -> tuple[Moment, tuple[str, ...]] | None:
    """Let the customer confirm; give the kinds of events that tells. None where they cannot."""
    secret_known = now.payment is not None and now.payment.payment_intent is not None
    if now.intent is None or not secret_known:
        return None
    return _changed(now, Confirm(method=PAYMENT_METHODS[method], charge_id="ch_1"))


def settles(now: Moment, *, paid: bool) -> tuple[Moment, tuple[str, ...]] | None:
    """Let the bank say its late word."""
    if now.intent is None or now.intent.status is not IntentStatus.PROCESSING:
        return None
    return _changed(now, Settle(paid=paid))


def is_voided_behind_our_back(now: Moment) -> tuple[Moment, tuple[str, ...]] | None:
    """Let somebody cancel the payment in the provider's console."""
    return None if now.intent is None else _changed(now, Cancel(at=0, reason=None))


def is_reaped(
    now: Moment, common: Shelf, heard: tuple[tuple[str, str], ...], *, much_later: bool = False
) -> tuple[Moment, Shelf] | None:
    """Let the reaper end the hold, where its question finds it; a quarter of an hour later, paid or not."""
    if now.held is not ReservationState.HELD:
        return None
    unapplied = any(kind in PAID_FOR and event not in now.applied for event, kind in heard)
    paid = now.row.payment_state in (PaymentState.AUTHORIZED, PaymentState.CAPTURED)
    if (unapplied or paid) and not much_later:
        return None
    shop = Shop(now, common)
    assert now.reservation is not None
    extension = now.reservation.extension
    try:
        shop.posted(Expire(actor="reaper", reservation_id=HOLD, extension=extension))
    except Broken as error:
        raise BrokenPromiseError("the reaper breaks what it finds") from error
    return shop.now, shop.shelf


def _changed(now: Moment, request: Any) -> tuple[Moment, tuple[str, ...]] | None:
    assert now.intent is not None
    try:
        change = till(now.intent, request)
    except Refusal:
        return None
    return replace(now, intent=change.intent), tuple(event.value for event in change.events)
