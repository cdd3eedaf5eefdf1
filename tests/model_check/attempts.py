"""Steps carried out over the small world: the real activities, run effect by effect without a loop."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, cast

from temporalio.exceptions import ApplicationError

from activities.messages import CartLine, StepInput, StepResult
from activities.payments import PaymentSteps
from activities.refunds import RefundSteps
from activities.stock import StockSteps
from activities.strides import Strides
from ledger.checkouts import ReservationState, Status
from ledger.posting import Ledger
from ledger.watch import Watch
from payments.provider import PaymentProvider
from tests.model_check.effects import LOST, Outcome
from tests.model_check.small_world import ADA, LAMP, Moment, Shelf, Shop
from workflows.steps import Command, Done, Step

_LINES = (CartLine(sku=LAMP, quantity=1),)
_NEED_LINES = (Step.RESERVE_STOCK, Step.REACQUIRE_STOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a step, as far as it has come: what it has seen so far."""

    command: Command
    tape: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What an attempt left behind. Without `rest` it has ended; `done` is None where it failed."""

    now: Moment
    common: Shelf
    rest: Attempt | None = None
    done: Done | None = None


class Told(StrEnum):
    """What an attempt learns of its effect."""

    OUTCOME = "told"
    NOTHING_WAS_DONE = "not done and no answer"
    NOTHING_BUT_DONE = "done and no answer"


def further(
    now: Moment,
    common: Shelf,
    begun: Attempt,
    *,
    strides: bool = True,
    told: Told = Told.OUTCOME,
) -> Tried:
    """Carry an attempt one effect further or, where there is none left, to its end.

    Without `strides` a step never goes on to the next, as where something is in its way.
    """
    shop = Shop(now, common, begun.tape)
    running = _coroutine(shop, begun.command, strides=strides)
    try:
        running.send(None)
    except StopIteration as end:
        return Tried(now=now, common=common, done=_done(begun.command, end.value))
    except ApplicationError:
        return Tried(now=now, common=common)
    running.close()
    assert shop.next is not None
    outcome = LOST[shop.next.of]
    if told is not Told.NOTHING_WAS_DONE:
        came = shop.next.carried_out()
        outcome = came if told is Told.OUTCOME else outcome
    rest = replace(begun, tape=(*begun.tape, outcome))
    return Tried(now=shop.now, common=shop.shelf, rest=rest)


def attempt(now: Moment, common: Shelf, begun: Attempt, *, strides: bool = True) -> Tried:
    """Carry an attempt to its end, undisturbed."""
    tried = Tried(now=now, common=common, rest=begun)
    while tried.rest is not None:
        tried = further(tried.now, tried.common, tried.rest, strides=strides)
    return tried


def _coroutine(shop: Shop, command: Command, *, strides: bool) -> Coroutine[Any, Any, StepResult]:
    ledger, watch = cast("Ledger", shop), cast("Watch", shop)
    stock = StockSteps(ledger, watch)
    provider = cast("PaymentProvider", shop)
    money = PaymentSteps(ledger, watch, provider)
    back = RefundSteps(ledger, provider, escalate_after=0)
    alone = {Step.RESERVE_STOCK: stock.reserve_stock, Step.ACCEPT_PAYMENT: money.accept_payment}
    hands = (Strides(stock, money), stock, money, back)
    (step, *_) = [named for hand in hands if (named := getattr(hand, command.step.value, None))]
    if not strides:
        step = alone.get(command.step, step)
    told = StepInput(
        checkout_id=ADA,
        lines=_LINES if command.step in _NEED_LINES else (),
        ending=command.ending,
        reason=command.reason,
        compensating=command.compensating,
        extension=command.extension,
        seconds=command.seconds,
        ordinal=command.ordinal,
        rescuing=command.rescuing,
        webhook_events=command.webhook_events,
    )
    return cast("Coroutine[Any, Any, StepResult]", step(told))


def _done(command: Command, result: StepResult) -> Done:
    return Done(
        step=command.step,
        status=Status(result.status),
        code=result.code,
        reservation=ReservationState(result.reservation) if result.reservation else None,
        declined=result.declined,
        attempt=result.attempt,
        extension=result.extension,
        asks_too=command.step is Step.RESERVE_STOCK and result.status == Status.RESERVING,
    )
