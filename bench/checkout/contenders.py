"""Who is compared: checkouts over HTTP and sagas that do nothing, each by callers in a closed loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from bench.checkout.bare import TASK_QUEUE, Bare, BareStart
from bench.driving import drive
from bench.figures import Load
from dev.demo.shop import Answer, Shop
from ledger.checkouts import Status
from ledger.ids import checkout_id
from workflows.checkout import CheckoutWorkflow
from workflows.messages import CartLine, CheckoutStart, PaymentEvent
from workflows.starting import DECISION_UPDATE_ID, checkout_workflow_id, start_arguments

SKU = "bench-lamp"
CARD = "pm_card_visa"
CREATED = 201
OK = 200
PRICE_MINOR = 4_900
TTL_SECONDS = 900
SUCCEEDED = "payment_intent.amount_capturable_updated"


class WentWrongError(RuntimeError):
    """A checkout did not end as it should: what follows would measure something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """Checkouts as far as the answer of POST: stock held, payment asked for."""

    name: str
    title: str
    shop: Shop
    callers: int

    async def prepare(self, count: int) -> None:
        """Have nothing to prepare: wishes are made on the way."""

    async def run(self, seconds: float) -> Load:
        """Post."""
        return await drive(self.post, count(), callers=self.callers, seconds=seconds)

    async def post(self, _number: int) -> Answer:
        """Ask for one, and be answered 201."""
        answer = await self.shop.check_out(f"customer-{uuid4()}", {SKU: 1})
        if answer.status != CREATED:
            raise WentWrongError(answer)
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Selling:
    """Whole checkouts: posted, paid at the provider, told by webhook, captured, confirmed, and closed.

    A caller waits for the workflow's result, as the callers of the bare sagas do. The row says confirmed
    before that.
    """

    name: str
    title: str
    posting: Posting
    client: Client
    callers: int
    sold: list[str] = field(default_factory=list)

    async def prepare(self, count: int) -> None:
        """Have nothing to prepare: wishes are made on the way."""

    async def run(self, seconds: float) -> Load:
        """Sell."""
        return await drive(self._sell, count(), callers=self.callers, seconds=seconds)

    async def _sell(self, number: int) -> None:
        answer = await self.posting.post(number)
        if await self.posting.shop.pay(answer, CARD) != OK:
            raise WentWrongError(answer)
        if await self.story(answer.checkout_id).result() != Status.CONFIRMED:
            raise WentWrongError(answer)
        self.sold.append(answer.checkout_id)

    def story(self, checkout: str) -> WorkflowHandle[CheckoutWorkflow, str]:
        """Give the workflow of a checkout."""
        return self.client.get_workflow_handle_for(
            CheckoutWorkflow.run, checkout_workflow_id(checkout)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Sagas that do nothing, started and answered by one call, then signalled unless they ended with it."""

    name: str
    title: str
    client: Client
    bare: Bare
    callers: int
    told: list[str] = field(default_factory=list)

    async def prepare(self, count: int) -> None:
        """Have nothing to prepare: starts are made on the way."""

    async def run(self, seconds: float) -> Load:
        """Tell them."""
        return await drive(self._tell, count(), callers=self.callers, seconds=seconds)

    async def _tell(self, _number: int) -> None:
        start = _start()
        arguments = start_arguments(start, TASK_QUEUE)
        name = f"{self.name}/{start.checkout_id}"
        conflict = {"id": name, "id_conflict_policy": WorkflowIDConflictPolicy.FAIL}
        operation = WithStartWorkflowOperation(self.bare.run, start, **(arguments | conflict))
        await self.client.execute_update_with_start_workflow(
            DECISION_UPDATE_ID, start_workflow_operation=operation, id=DECISION_UPDATE_ID
        )
        if self.bare is BareStart:
            return
        handle = await operation.workflow_handle()
        await handle.signal("payment_event", PaymentEvent(event_id=f"evt_{name}", kind=SUCCEEDED))
        if await handle.result() != Status.CONFIRMED:
            raise WentWrongError(name)
        self.told.append(name)


def _start() -> CheckoutStart:
    return CheckoutStart(
        checkout_id=checkout_id("bench", str(uuid4())),
        lines=(CartLine(sku=SKU, quantity=1),),
        total_minor=PRICE_MINOR,
        currency="EUR",
        ttl_seconds=TTL_SECONDS,
    )
