"""A stored webhook is brought to its checkout until the database shows it applied."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from dev.ports import free_port
from ledger import inbox
from ledger.checkouts import PaymentOperationKind, PaymentState
from ledger.commands import Quantity, RecordPayment, Reserve, SeenPayment, StartPaymentOperation
from ledger.ids import reservation_id
from tests.workflows.shop import AUTHORIZED, SUCCEEDED, Checkout, Shop, delivery_of, eventually
from workflows.checkout import CheckoutWorkflow
from workflows.starting import start_arguments

AGAIN = "UPDATE webhook_event SET next_attempt_at = clock_timestamp()"
DISPOSITION = "SELECT disposition FROM webhook_event WHERE event_id = %s"


async def payable(shop: Shop) -> Checkout:
    """Bring a checkout to where its customer should pay, by commands alone: no workflow runs yet."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp)
    reserve = Reserve(
        actor="test",
        reservation_id=reservation_id(checkout.id),
        lines=(Quantity(sku=lamp, quantity=1),),
    )
    authorize = PaymentOperationKind.AUTHORIZE
    await shop.ledger.post(reserve)
    asked = await shop.ledger.post(
        StartPaymentOperation(actor="test", checkout_id=checkout.id, kind=authorize)
    )
    opened = await shop.provider.authorize(
        checkout_id=checkout.id,
        amount_minor=asked["amount_minor"],
        currency=asked["currency"],
        idempotency_key=asked["key"],
    )
    seen = SeenPayment(
        payment_intent=opened.payment_intent,
        state=PaymentState(opened.state),
        amount_minor=opened.amount_minor,
        currency=opened.currency,
    )
    await shop.ledger.post(
        RecordPayment(actor="test", checkout_id=checkout.id, seen=seen, proves=authorize)
    )
    return checkout


async def started(checkout: Checkout) -> None:
    """Start its workflow, whether anybody works or not."""
    shop = checkout.shop
    arguments = start_arguments(checkout.start, shop.queue)
    await shop.client.start_workflow(CheckoutWorkflow.run, checkout.start, **arguments)


async def signals(checkout: Checkout) -> int:
    """Count how often an event was brought."""
    kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    history = await checkout.handle.fetch_history()
    return sum(event.event_type == kind for event in history.events)


async def test_an_event_is_brought_until_it_is_applied(own_shop: Shop) -> None:
    """An acknowledged signal is not enough: only the step that acted on it marks it."""
    checkout = await payable(own_shop)
    await started(checkout)
    await checkout.pay(told=False)
    event = await checkout.hear(AUTHORIZED)

    await own_shop.delivery.round()
    first = await signals(checkout)
    own_shop.database.run(AGAIN)
    await own_shop.delivery.round()
    second = await signals(checkout)
    unsettled = own_shop.database.value(DISPOSITION, event)
    async with own_shop.working():
        status = await checkout.ended()
    own_shop.database.run(AGAIN)
    await own_shop.delivery.round()

    assert (first, second, unsettled, status) == (1, 2, None, "confirmed")
    assert own_shop.database.value(DISPOSITION, event) == "applied"
    assert await signals(checkout) == 2
    assert checkout.steps().count("capture_payment") == 1


async def test_an_event_is_brought_ever_more_rarely(own_shop: Shop) -> None:
    """A workflow that is stuck must not be flooded."""
    checkout = await payable(own_shop)
    await started(checkout)
    await checkout.hear(AUTHORIZED)
    pauses = []
    for _ in range(6):
        ((pause,),) = own_shop.database.rows(
            "SELECT round(extract(epoch FROM next_attempt_at - clock_timestamp())) FROM webhook_event"
        )
        pauses.append(int(pause))
        own_shop.database.run(AGAIN)
        await own_shop.delivery.round()

    assert pauses == [5, 10, 20, 40, 60, 60]


async def test_an_event_after_the_end_is_settled(own_shop: Shop) -> None:
    """It says nothing that is not known."""
    checkout = await payable(own_shop)
    async with own_shop.working():
        await started(checkout)
        await checkout.pay()
        await checkout.ended()

    event = await checkout.hear(SUCCEEDED)

    assert own_shop.database.value(DISPOSITION, event) == "already-known"


@pytest.mark.parametrize(
    ("kind", "disposition"), [("refund.failed", "looked-at"), ("refund.updated", "not-acted-on")]
)
async def test_news_of_a_refund_after_the_end_is_not_called_known(
    own_shop: Shop, kind: str, disposition: str
) -> None:
    """A story looks at one that failed; whoever looks at the inbox must be able to find the other."""
    checkout = await payable(own_shop)
    async with own_shop.working():
        await started(checkout)
        await checkout.pay()
        await checkout.ended()

    event = await checkout.hear(kind)

    assert own_shop.database.value(DISPOSITION, event) == disposition


async def test_an_event_while_the_money_moves_waits_until_it_is_known(own_shop: Shop) -> None:
    """Past the fence nobody listens, but it stays due until the capture is proved."""
    checkout = await payable(own_shop)
    await checkout.pay(told=False)
    own_shop.database.run(
        "UPDATE checkout SET status = 'cancelled', reservation_state = 'released', payment_state = 'voiding'"
    )
    event = await checkout.hear(AUTHORIZED)
    between = own_shop.database.value(DISPOSITION, event)
    own_shop.database.run("UPDATE checkout SET payment_state = 'voided'")
    own_shop.database.run(AGAIN)

    await own_shop.delivery.round()

    assert between is None
    assert own_shop.database.value(DISPOSITION, event) == "already-known"


async def test_an_event_of_an_unknown_payment_is_kept_for_a_while(own_shop: Shop) -> None:
    """Its payment may be one whose creation is being recorded this moment."""
    event = inbox.InboxEvent(
        provider="stripe",
        event_id="evt_stranger",
        kind=AUTHORIZED,
        payment_intent="pi_stranger",
        body_sha256="00" * 32,
    )
    await inbox.store(own_shop.ledger.engine, event)

    await own_shop.delivery.round()
    kept = own_shop.database.value(DISPOSITION, "evt_stranger")
    own_shop.database.run(AGAIN)
    own_shop.database.run("UPDATE webhook_event SET received_at = now() - interval '11 minutes'")
    await own_shop.delivery.round()

    assert kept is None
    assert own_shop.database.value(DISPOSITION, "evt_stranger") == "unknown-payment"


async def test_an_event_whose_payment_becomes_known_is_brought(own_shop: Shop) -> None:
    """The webhook overtook the answer that told us the payment's name."""
    checkout = await payable(own_shop)
    await started(checkout)
    intent = await checkout.intent()
    own_shop.database.run("UPDATE payment SET payment_intent = NULL")
    event = inbox.InboxEvent(
        provider="stripe",
        event_id="evt_early",
        kind=AUTHORIZED,
        payment_intent=intent,
        body_sha256="00" * 32,
    )
    await inbox.store(own_shop.ledger.engine, event)
    await own_shop.delivery.round()
    before = await signals(checkout)
    own_shop.database.run("UPDATE payment SET payment_intent = %s", intent)
    own_shop.database.run(AGAIN)

    await own_shop.delivery.round()

    assert (before, await signals(checkout)) == (0, 1)


async def test_an_event_whose_workflow_is_gone_stays_due(own_shop: Shop) -> None:
    """Whoever finishes that checkout will find it; and the round goes on to the next event."""
    gone, there = await payable(own_shop), await payable(own_shop)
    await started(there)
    event = await gone.hear(AUTHORIZED)
    await there.hear(AUTHORIZED)

    own_shop.database.run(AGAIN)
    await own_shop.delivery.round()

    assert own_shop.database.value(DISPOSITION, event) is None
    assert await signals(there) == 2


async def test_an_event_is_not_lost_when_the_engine_is_away(own_shop: Shop) -> None:
    """The round fails, which its loop counts; the event comes again."""
    checkout = await payable(own_shop)
    await started(checkout)
    away = await Client.connect(
        f"127.0.0.1:{free_port()}", lazy=True, data_converter=pydantic_data_converter
    )
    delivery = delivery_of(own_shop.watch, away)
    own_shop.delivery = delivery
    with pytest.raises(RuntimeError, match="connect"):
        await checkout.hear(AUTHORIZED)
    own_shop.delivery = delivery_of(own_shop.watch, own_shop.client)
    own_shop.database.run(AGAIN)

    await own_shop.delivery.round()

    assert await signals(checkout) == 1


async def test_two_workers_do_not_bring_the_same_event_at_once(own_shop: Shop) -> None:
    """They share the work: what one has taken, the other does not see."""
    checkout = await payable(own_shop)
    await started(checkout)
    for number in range(20):
        event = inbox.InboxEvent(
            provider="stripe",
            event_id=f"evt_many_{number}",
            kind=AUTHORIZED,
            payment_intent=await checkout.intent(),
            body_sha256="00" * 32,
        )
        await inbox.store(own_shop.ledger.engine, event)

    taken = [await own_shop.watch.take_due_webhooks(limit=15) for _ in range(2)]
    await eventually(lambda: _nothing_due(own_shop))

    names = [due.event_id for batch in taken for due in batch]
    assert len(names) == len(set(names)) == 20


async def _nothing_due(shop: Shop) -> bool:
    return await shop.watch.take_due_webhooks() == []
