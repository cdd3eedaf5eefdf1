"""Stories told differently from the ones that were recorded: what replay must refuse."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from activities.messages import DebtsResult, Message
from activities.standing import Standing
from ledger.checkouts import Status
from workflows.after_the_sale import RefundsWorkflow, ReturnWorkflow
from workflows.checkout import CheckoutWorkflow
from workflows.late_payment import LatePaymentWorkflow
from workflows.messages import CheckoutStart, LatePayment, RefundsStart, ReturnStart
from workflows.recovery import RecoveryWorkflow
from workflows.steps import Command, Event, Step


@workflow.defn(name="checkout")
class GreetingCheckout(CheckoutWorkflow):
    """Does one thing more, before all others."""

    @workflow.init
    def __init__(self, start: CheckoutStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CheckoutStart) -> str:
        """Greet the customer, then tell the story."""
        await workflow.execute_activity(
            "greet_customer", start_to_close_timeout=timedelta(seconds=10)
        )
        return await super().run(start)


@workflow.defn(name="checkout")
class PatientCheckout(CheckoutWorkflow):
    """Never starts the timer of the hold."""

    @workflow.init
    def __init__(self, start: CheckoutStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CheckoutStart) -> str:
        """Tell the story as it is."""
        return await super().run(start)

    async def _outcome(self, command: Command) -> Event:
        event = await super()._outcome(command)
        self.deadline = None
        return event


@workflow.defn(name="checkout")
class SilentCheckout(CheckoutWorkflow):
    """Shows operators nothing."""

    @workflow.init
    def __init__(self, start: CheckoutStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CheckoutStart) -> str:
        """Tell the story as it is."""
        return await super().run(start)

    def _show(self) -> None:
        """Upsert no search attribute."""


@workflow.defn(name="checkout")
class UnpatchedCheckout(CheckoutWorkflow):
    """Takes for granted that a reserve asks for the payment as well: the patch, taken out too early."""

    @workflow.init
    def __init__(self, start: CheckoutStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CheckoutStart) -> str:
        """Tell the story as it is."""
        return await super().run(start)

    def _asks_too(self, command: Command) -> bool:
        return command.step is Step.RESERVE_STOCK


@workflow.defn(name="recover")
class ForgetfulRecovery(RecoveryWorkflow):
    """Begins at the beginning, wherever the checkout stands."""

    @workflow.init
    def __init__(self, start: CheckoutStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CheckoutStart) -> str:
        """Tell the story as it is."""
        return await super().run(start)

    async def _resume(self, start: CheckoutStart) -> None:
        """Look at nothing."""


@workflow.defn(name="late-payment")
class GreedyLatePayment(LatePaymentWorkflow):
    """Keeps what no sale is behind, and recovers nothing."""

    @workflow.run
    async def run(self, late: LatePayment) -> str:
        """Tell the story as it is."""
        return await super().run(late)

    async def _give_back(self, _late: LatePayment) -> str:
        return "kept"

    async def _recover(self, _late: LatePayment, _checkout: Standing) -> str:
        return Status.EXPIRED.value


@workflow.defn(name="refunds")
class UnaskedRefunds(RefundsWorkflow):
    """Pays without a look at what is owed."""

    @workflow.init
    def __init__(self, start: RefundsStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: RefundsStart) -> str:
        """Tell the story as it is."""
        return await super().run(start)

    async def find(self, _step: str, _asked: Message, _summary: str) -> DebtsResult:
        return DebtsResult(refunds=("whole",), to_inspect=0)


@workflow.defn(name="return")
class UnaskedReturn(ReturnWorkflow):
    """Pays without a look at what was inspected."""

    @workflow.init
    def __init__(self, start: ReturnStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: ReturnStart) -> str:
        """Tell the story as it is."""
        return await super().run(start)

    async def find(self, _step: str, _asked: Message, _summary: str) -> DebtsResult:
        return DebtsResult(refunds=("whole",), to_inspect=0)
