"""Makes go wrong what was asked to: at a request, on its line, in its outcome, in what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from payments.simulator.faults import Fault, Kind, Step, met, parse
from payments.simulator.intents import EventKind, Intent, declined_by
from payments.simulator.operations import Outcome
from payments.simulator.payment_methods import Ending
from payments.simulator.refunds import RefundStatus
from payments.simulator.refusals import Decline, Refusal, unexpected_state
from payments.simulator.till import Posting, Till

FAULTS: Final = "faults"
"""The key of a payment's metadata under which its faults may be named."""
DECLINED: Final = Decline(
    code="card_declined", decline_code="generic_decline", message="Your card was declined."
)
AMOUNTS: Final = ("amount", "amount_capturable", "amount_received")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The connection on which a request came: it can be cut, and its other end can hang up."""

    cut: Callable[[], None]
    until_hung_up: Callable[[], Awaitable[None]]


class Mischief:
    """Knows which faults are still to be met, by payment or by checkout, as the till keeps them."""

    def __init__(self, till: Till) -> None:
        self._till = till

    def meet(self, step: Step, subjects: Iterable[str]) -> Fault | None:
        """Give the next fault of a step of a payment, and note that it was met."""
        for subject in subjects:
            fault, rest = met(self._till.faults.get(subject, ()), step)
            if fault is not None:
                if fault.times is not None:
                    self._till.post(Posting(faults=((subject, rest),)))
                return fault
        return None

    def meet_at(self, step: Step, intent_id: str) -> Fault | None:
        """Do so for a payment by its id, which nobody may have heard of."""
        intent = self._till.intents.get(intent_id)
        return self.meet(step, subjects_of(intent) if intent else (intent_id,))


def subjects_of(intent: Intent) -> tuple[str, ...]:
    """Name what faults of a payment are kept under: itself, and its checkout."""
    checkout_id = intent.metadata.get("checkout_id")
    return (intent.intent_id, checkout_id) if checkout_id else (intent.intent_id,)


def named(metadata: dict[str, str]) -> tuple[Fault, ...]:
    """Read the faults in a payment's metadata.

    Raises:
        FaultUnknown: one of them is none.

    """
    return parse(metadata.get(FAULTS, ""))


async def suffered(fault: Fault | None, line: Line) -> bool:
    """Let happen what happens before anything is done; False: the request is swallowed."""
    if fault is None:
        return True
    match fault.kind:
        case Kind.TIME_OUT:
            with suppress(TimeoutError):
                async with asyncio.timeout(fault.seconds):
                    await line.until_hung_up()
            line.cut()
            return False
        case Kind.ACTS_LATE:
            line.cut()
            await asyncio.sleep(fault.seconds)
        case Kind.SLOW:
            await asyncio.sleep(fault.seconds)
    return True


def spoilt(outcome: Outcome, fault: Fault | None, before: Intent | None) -> Outcome:
    """Give what comes of an operation instead; `before` is the payment as it was.

    Raises:
        Refusal: the provider refuses it.

    """
    match fault.kind if fault else None:
        case Kind.DECLINE if fault is not None and before is not None:
            return _declined(outcome, fault.step, before)
        case Kind.FAILS_LATER if fault is not None:
            return _pending(outcome, Ending.BADLY, fault.seconds)
        case Kind.STAYS_PENDING:
            return _pending(outcome, Ending.NEVER, 0)
        case _:
            return outcome


def _declined(outcome: Outcome, step: Step, before: Intent) -> Outcome:
    match step:
        case Step.CONFIRM:
            change = declined_by(replace(before, charge_id=outcome.intent.charge_id), DECLINED)
            return replace(
                outcome, intent=change.intent, events=change.events, decline=change.decline
            )
        case Step.CAPTURE:
            return replace(outcome, intent=before, events=(), decline=DECLINED)
        case Step.CANCEL:
            raise unexpected_state("cancel", before.status, before.intent_id)
        case _:
            message = "Insufficient funds in your account to refund this charge."
            raise Refusal(400, message, code="balance_insufficient", began=True)


def _pending(outcome: Outcome, ending: Ending, seconds: float) -> Outcome:
    if outcome.refund is None:
        return outcome
    refund = replace(
        outcome.refund, status=RefundStatus.PENDING, awaits=ending, ends_after_seconds=seconds
    )
    return replace(outcome, refund=refund, events=(EventKind.REFUND_CREATED,))


def with_other_amounts(about: dict[str, Any]) -> dict[str, Any]:
    """Render something with amounts that are not its own."""
    return {
        name: value + 1 if name in AMOUNTS and value else value for name, value in about.items()
    }
