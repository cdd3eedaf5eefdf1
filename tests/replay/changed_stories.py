"""Checkouts told differently from the ones that were recorded: what replay must refuse."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from workflows.checkout import CheckoutWorkflow
from workflows.messages import CheckoutStart
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
