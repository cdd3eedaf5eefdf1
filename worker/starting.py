"""Starting the workflows of rows and payments that have none, and reaching whichever runs."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ledger.checkouts import Status
from ledger.promises import OpenCheckout, OpenDebt, OpenReturn
from workflows.checkout import CheckoutWorkflow
from workflows.late_payment import LatePaymentWorkflow
from workflows.messages import (
    CartLine,
    CheckoutStart,
    LatePayment,
    PaymentEvent,
    RefundsStart,
    ReturnStart,
)
from workflows.recovery import RecoveryWorkflow
from workflows.starting import (
    checkout_workflow_id,
    late_payment_arguments,
    recovery_arguments,
    recovery_workflow_id,
    start_arguments,
)
from workflows.starting_refunds import (
    payer_id,
    return_workflow_id,
    start_refunds,
    start_return,
)

RPC_TIMEOUT = timedelta(seconds=5)


class Starter:
    """Starts what is missing. Starting what runs already joins it, so anybody may, and at once."""

    def __init__(self, *, task_queue: str, payment_attempts: int, step_seconds: int) -> None:
        self.task_queue = task_queue
        self.payment_attempts = payment_attempts
        self.step_seconds = step_seconds

    async def checkout(self, client: Client, row: OpenCheckout) -> str:
        """Start the checkout that never was, or the recovery of one whose workflow is gone; say which."""
        start = self._start(row)
        if row.status is Status.RESERVING:
            try:
                await client.start_workflow(
                    CheckoutWorkflow.run,
                    start,
                    rpc_timeout=RPC_TIMEOUT,
                    **start_arguments(start, self.task_queue),
                )
            except WorkflowAlreadyStartedError:
                pass  # It has run, and is closed: too early, since its row is not at rest.
            else:
                return "checkout"
        await client.start_workflow(
            RecoveryWorkflow.run,
            start,
            rpc_timeout=RPC_TIMEOUT,
            **recovery_arguments(start, self.task_queue),
        )
        return "recover"

    async def late_payment(self, client: Client, payment_intent: str) -> bool:
        """Start the workflow of a payment nobody waits for; False where it has come to its end before."""
        late = LatePayment(
            payment_intent=payment_intent,
            payment_attempts=self.payment_attempts,
            step_seconds=self.step_seconds,
        )
        try:
            await client.start_workflow(
                LatePaymentWorkflow.run,
                late,
                rpc_timeout=RPC_TIMEOUT,
                **late_payment_arguments(late, self.task_queue),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def debt(self, client: Client, row: OpenDebt) -> str:
        """Start what pays a debt; say which kind of story that is."""
        name = payer_of(row)
        if row.return_id is not None:
            await self._follow(client, row.return_id, row.checkout_id)
        else:
            start = RefundsStart(checkout_id=row.checkout_id, step_seconds=self.step_seconds)
            await start_refunds(client, name, start, self.task_queue)
        return name.partition("/")[0]

    async def returned(self, client: Client, row: OpenReturn) -> str:
        """Start what follows a return to its end."""
        await self._follow(client, row.return_id, row.order_id)
        return "return"

    async def _follow(self, client: Client, return_id: str, order_id: str) -> None:
        start = ReturnStart(return_id=return_id, order_id=order_id, step_seconds=self.step_seconds)
        await start_return(client, start, self.task_queue)

    def _start(self, row: OpenCheckout) -> CheckoutStart:
        return CheckoutStart(
            checkout_id=row.checkout_id,
            lines=tuple(CartLine(sku=sku, quantity=quantity) for sku, quantity in row.lines),
            total_minor=row.total_minor,
            currency=row.currency,
            ttl_seconds=row.ttl_seconds,
            payment_attempts=self.payment_attempts,
            step_seconds=self.step_seconds,
        )


def keepers_of(checkout_id: str) -> tuple[str, ...]:
    """Name the workflows of which any one looks after a checkout."""
    return (checkout_workflow_id(checkout_id), recovery_workflow_id(checkout_id))


def payer_of(debt: OpenDebt) -> str:
    """Name the workflow that pays a debt."""
    if debt.return_id is not None:
        return return_workflow_id(debt.return_id)
    return payer_id(debt.checkout_id, debt.refund_id)


async def described(client: Client, workflow_id: str) -> WorkflowExecutionDescription | None:
    """Describe a workflow's newest run; None where there never was one. Raises RPCError."""
    try:
        return await client.get_workflow_handle(workflow_id).describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def any_runs(client: Client, workflow_ids: tuple[str, ...]) -> bool:
    """Tell whether one of these workflows runs. Raises RPCError."""
    for workflow_id in workflow_ids:
        found = await described(client, workflow_id)
        if found is not None and found.status is WorkflowExecutionStatus.RUNNING:
            return True
    return False


async def bring(client: Client, checkout_id: str, hint: PaymentEvent) -> None:
    """Signal whichever workflow looks after a checkout. Raises RPCError, NOT_FOUND where none does."""
    first, *others = keepers_of(checkout_id)
    try:
        await _signal(client, first, hint)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        for other in others:
            await _signal(client, other, hint)


async def _signal(client: Client, workflow_id: str, hint: PaymentEvent) -> None:
    handle = client.get_workflow_handle(workflow_id)
    await handle.signal(CheckoutWorkflow.payment_event, hint, rpc_timeout=RPC_TIMEOUT)
