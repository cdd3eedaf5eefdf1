"""`late-payment/{payment_intent}`: a payment that came when nobody waited for it any more."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.standing import LatePaymentFound, PaymentNamed, Standing, Verdict
    from workflows.messages import CheckoutStart, LatePayment
    from workflows.recovery import RecoveryWorkflow
    from workflows.starting import recovery_workflow_id, shown_attributes, summary_of
    from workflows.troubled import Troubled


@workflow.defn(name="late-payment")
class LatePaymentWorkflow(Troubled):
    """Finds out whose the money is; sells what it was for if the stock is still there, or gives it back."""

    page = "money-nobody-waited-for"

    @workflow.run
    async def run(self, late: LatePayment) -> str:
        """Give what became of the payment: a verdict, or the status of its checkout."""
        self.tell("**late**: the provider is asked whose payment this is")
        found = await self.take(
            "find_late_payment",
            PaymentNamed(payment_intent=late.payment_intent),
            LatePaymentFound,
            summary="ask the provider whose payment this is",
            step_seconds=late.step_seconds,
        )
        if found.verdict is Verdict.STRAY:
            return await self._give_back(late)
        if found.verdict is Verdict.LATE and found.checkout is not None:
            return await self._recover(late, found.checkout)
        return found.verdict.value

    async def _give_back(self, late: LatePayment) -> str:
        """No sale is behind it."""
        self.tell("**stray**: the money is given back; no sale of ours is behind it")
        given = await self.take(
            "give_back_stray",
            PaymentNamed(payment_intent=late.payment_intent),
            str,
            summary="undo: void or refund a payment without a sale",
            step_seconds=late.step_seconds,
        )
        return f"{Verdict.STRAY.value}: {given}"

    async def _recover(self, late: LatePayment, checkout: Standing) -> str:
        """Go on with the checkout where it ended. One at a time: whoever does so already is enough."""
        self.tell(f"**late**: finished by recover/{checkout.checkout_id}")
        start = CheckoutStart(
            checkout_id=checkout.checkout_id,
            lines=checkout.lines,
            total_minor=checkout.total_minor,
            currency=checkout.currency,
            ttl_seconds=checkout.ttl_seconds,
            payment_attempts=late.payment_attempts,
            step_seconds=late.step_seconds,
        )
        try:
            status: str = await workflow.execute_child_workflow(
                RecoveryWorkflow.run,
                start,
                id=recovery_workflow_id(checkout.checkout_id),
                task_timeout=timedelta(seconds=late.step_seconds),
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                parent_close_policy=ParentClosePolicy.ABANDON,
                search_attributes=shown_attributes(start),
                static_summary=summary_of(start),
            )
        except WorkflowAlreadyStartedError:
            return Verdict.LATE.value
        return status
