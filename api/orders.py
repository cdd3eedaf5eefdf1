"""Orders after the sale, for whoever may act on them: cancelled, and what is owed for it paid back."""

from __future__ import annotations

from temporalio.client import Client

from api.access import Scope
from api.problems import Problem
from api.tokens import Caller
from api.wiring import Wiring
from ledger.commands import CancelOrder
from ledger.crash_points import Around
from ledger.reading.checkouts import StoredCheckout, checkout_of
from workflows.messages import RefundsStart, ReturnStart
from workflows.starting_refunds import cancellation_id, start_refunds, start_return

PAY_BACK = Around("api.pay_back")
"""Crash points: when the debt is written down and the engine not asked, and when it is and nobody is told."""


async def cancel_order(wiring: Wiring, caller: Caller, order_id: str) -> StoredCheckout:
    """Take an order back and see to its refund; give the checkout as it stands then.

    Raises Problem `unknown-checkout` for another's as for none; and what the ledger refuses.
    """
    checkout = await checkout_of(wiring.database, order_id)
    if checkout is None or not _may_cancel(caller, checkout):
        raise Problem("unknown-checkout")
    reason = "customer" if Scope.CHECKOUT in caller.scopes else "operator"
    await wiring.ledger.post(CancelOrder(actor=caller.subject, order_id=order_id, reason=reason))
    await see_to_refunds(wiring, cancellation_id(order_id), order_id)
    cancelled = await checkout_of(wiring.database, order_id)
    assert cancelled is not None
    return cancelled


async def see_to_refunds(wiring: Wiring, workflow_id: str, order_id: str) -> None:
    """Have what is owed to an order's customer paid, under a workflow of this name."""
    start = RefundsStart(checkout_id=order_id, step_seconds=wiring.step_seconds)

    async def begin(client: Client, task_queue: str) -> None:
        await start_refunds(client, workflow_id, start, task_queue)

    async with PAY_BACK(order_id):
        await wiring.engine.see_to(begin)


async def see_to_return(
    wiring: Wiring, return_id: str, order_id: str, *, inspected: bool = False
) -> None:
    """Have a return followed to its end, and told of an inspection."""
    start = ReturnStart(return_id=return_id, order_id=order_id, step_seconds=wiring.step_seconds)

    async def begin(client: Client, task_queue: str) -> None:
        await start_return(client, start, task_queue, inspected=inspected)

    await wiring.engine.see_to(begin)


def _may_cancel(caller: Caller, checkout: StoredCheckout) -> bool:
    own = Scope.CHECKOUT in caller.scopes and checkout.owner == caller.subject
    return own or Scope.OPERATOR in caller.scopes
