"""The bank's late words: debits that settle, refunds that end, a moment after they were begun."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from payments.simulator.intents import Intent, IntentStatus, Settle, TakeBackRefund, decide
from payments.simulator.operations import Outcome
from payments.simulator.payment_methods import PAYMENT_METHODS, Ending
from payments.simulator.refunds import Refund, RefundStatus, ended
from payments.simulator.teller import Teller
from payments.simulator.till import Posting, Till

# Long enough to be seen between the two states, short enough to wait for in a test.
SETTLES_AFTER_SECONDS: Final = 1.0


class Settlement:
    """Ends what is under way, each after its time, while `async with` runs."""

    def __init__(self, till: Till, teller: Teller) -> None:
        self._till = till
        self._teller = teller
        self._waiting: set[asyncio.TimerHandle] = set()

    async def __aenter__(self) -> None:
        """Start, with what an earlier run left under way."""
        for intent in self._till.intents.values():
            self._await_intent(intent)
        for refund in self._till.refunds.values():
            self._await_refund(refund)
        self._till.watch(self._collect)

    async def __aexit__(self, *_: object) -> None:
        """Stop; what is under way stays so in the till."""
        for timer in self._waiting:
            timer.cancel()

    def _collect(self, posting: Posting) -> None:
        if posting.refund is not None:
            self._await_refund(posting.refund)
        elif posting.intent is not None:
            self._await_intent(posting.intent)

    def _await_intent(self, intent: Intent) -> None:
        if intent.status is IntentStatus.PROCESSING and _ending(intent) is not Ending.NEVER:
            self._later(partial(self._settle_intent, intent.intent_id), SETTLES_AFTER_SECONDS)

    def _await_refund(self, refund: Refund) -> None:
        if refund.awaits not in (None, Ending.NEVER):
            self._later(partial(self._end_refund, refund.refund_id), refund.ends_after_seconds)

    def _settle_intent(self, intent_id: str) -> None:
        intent = self._till.intents[intent_id]
        if intent.status is not IntentStatus.PROCESSING:
            return
        change = decide(intent, Settle(paid=_ending(intent) is Ending.WELL))
        self._teller.change(Outcome(intent=change.intent, events=change.events))

    def _end_refund(self, refund_id: str) -> None:
        refund, events = ended(self._till.refunds[refund_id])
        intent = self._till.intents[refund.intent_id]
        if refund.status is RefundStatus.FAILED:
            intent = decide(intent, TakeBackRefund(amount_minor=refund.amount_minor)).intent
        self._teller.change(Outcome(intent=intent, refund=refund, events=events))

    def _later(self, end: Callable[[], None], seconds: float) -> None:
        def due() -> None:
            self._waiting.discard(timer)
            end()

        timer = asyncio.get_running_loop().call_later(seconds, due)
        self._waiting.add(timer)


def _ending(intent: Intent) -> Ending | None:
    method = PAYMENT_METHODS.get(intent.payment_method or "")
    return None if method is None else method.settles
