"""After the sale: debts to customers are paid until the provider shows it, and returns wait for inspection.

The ledger wrote down what is owed before any of these began; they only see to it. Cancelled or
terminated, they are started again while anything is owed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import (
        DebtsResult,
        Message,
        RefundInput,
        RefundResult,
        ReturnInput,
    )
    from workflows.messages import RefundsStart, ReturnStart
    from workflows.policies import INSPECTION_RECHECK, refund_pause
    from workflows.search_attributes import STAGE
    from workflows.troubled import Troubled

PAYING, CLOSED, INSPECTING = "refunding", "closed", "awaiting_inspection"


class _Debts(Troubled):
    """What both stories do: try every debt once, and say in words how it went."""

    page = "a-refund-does-not-go-through"

    def __init__(self, checkout_id: str, step_seconds: int) -> None:
        super().__init__()
        self.checkout_id = checkout_id
        self.step_seconds = step_seconds
        self.tries: dict[str, int] = {}

    async def find(self, step: str, asked: Message, summary: str) -> DebtsResult:
        """Ask the ledger what is owed still."""
        return await self.take(
            step, asked, DebtsResult, summary=summary, step_seconds=self.step_seconds
        )

    async def pay(self, refunds: Sequence[str]) -> timedelta | None:
        """Try each once; give how long to pause before the next try, None where all are done."""
        pauses = [pause for refund in refunds if (pause := await self._try(refund)) is not None]
        return min(pauses, default=None)

    async def _try(self, refund_id: str) -> timedelta | None:
        self.tell(f"**{PAYING}** {refund_id}: asking the provider")
        result = await self.take(
            "pay_refund",
            RefundInput(checkout_id=self.checkout_id, refund_id=refund_id),
            RefundResult,
            summary=f"give money back: {refund_id}",
            step_seconds=self.step_seconds,
        )
        if result.state == "done":
            return None
        tries = self.tries[refund_id] = self.tries.get(refund_id, 0) + 1
        pause = refund_pause(
            failures=result.failures if result.state == "failed" else 0,
            tries=tries,
            escalated=result.escalated,
        )
        self.tell(f"**{PAYING}** {refund_id}: {_words(result, pause)}")
        return pause

    def closed(self, why: str) -> str:
        """Say that nothing is left to do."""
        workflow.upsert_search_attributes([STAGE.value_set(CLOSED)])
        self.tell(f"**{CLOSED}** {why}")
        return why


@workflow.defn(name="refunds")
class RefundsWorkflow(_Debts):
    """Pays what is owed to the customer of a checkout, until the provider shows all of it as done."""

    @workflow.init
    def __init__(self, start: RefundsStart) -> None:
        super().__init__(start.checkout_id, start.step_seconds)

    @workflow.run
    async def run(self, start: RefundsStart) -> str:
        """Pay, pause and pay again."""
        owed = RefundInput(checkout_id=start.checkout_id)
        while True:
            found = await self.find("find_debts", owed, "what is owed, and did any refund fail?")
            pause = await self.pay(found.refunds)
            if pause is None:
                return self.closed("everything that was owed is paid back")
            await workflow.sleep(pause, summary="until the refund is tried or looked at again")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(start)


@workflow.defn(name="return")
class ReturnWorkflow(_Debts):
    """One return: waits until its units are inspected, and pays what each inspection owes."""

    @workflow.init
    def __init__(self, start: ReturnStart) -> None:
        super().__init__(start.order_id, start.step_seconds)
        self.inspected = False

    @workflow.run
    async def run(self, start: ReturnStart) -> str:
        """Look, pay, and wait for the next inspection."""
        returned = ReturnInput(return_id=start.return_id)
        while True:
            self.inspected = False
            found = await self.find(
                "find_return_debts", returned, "what was inspected, and what is owed for it?"
            )
            pause = await self.pay(found.refunds)
            if pause is None and not found.to_inspect and not found.refunds:
                return self.closed("everything is inspected, and what was owed is paid back")
            if pause is not None or not found.refunds:
                await self._wait(found.to_inspect, pause)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(start)

    @workflow.signal(name="inspected", description="An inspection of this return was booked")
    def hear(self) -> None:
        """Take the hint; what was inspected is read from the ledger."""
        self.inspected = True

    async def _wait(self, to_inspect: int, pause: timedelta | None) -> None:
        if pause is None:
            self.tell(
                f"**{INSPECTING}**: {to_inspect} units wait for the warehouse to inspect them"
            )
        try:
            await workflow.wait_condition(
                lambda: self.inspected,
                timeout=pause or INSPECTION_RECHECK,
                timeout_summary="until the next look, should no word of an inspection come",
            )
        except TimeoutError:
            return


def _words(result: RefundResult, pause: timedelta) -> str:
    if result.state == "pending":
        return f"the provider is at it; looked at again in {pause}"
    asked = "; a person was asked to look" if result.escalated else ""
    return f"failed {result.failures} times, last with {result.code}{asked}; tried again in {pause}"
