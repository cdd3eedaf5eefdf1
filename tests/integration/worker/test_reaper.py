"""The reaper ends holds that nobody ended in time, with Postgres and nothing else."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from ledger import inbox
from ledger.checkouts import CheckoutLine, PaymentOperationKind, PaymentState
from ledger.commands import (
    Fence,
    OpenCheckout,
    Quantity,
    Receive,
    RecordPayment,
    Reserve,
    SeenPayment,
    StartPaymentOperation,
)
from ledger.policies import Location, Product, put_location, put_product
from ledger.posting import Ledger
from ledger.watch import LapsedHold, Watch
from tests.copies import Database
from worker.reaper import Reaper

LAMP = "brass-lamp"
GRACE = timedelta(minutes=1)
LATE = "UPDATE reservation SET expires_at = clock_timestamp() - interval '2 minutes'"
STATE = "SELECT state FROM reservation WHERE reservation_id = %s"
AUTHORIZED = "payment_intent.amount_capturable_updated"


@pytest.fixture
async def reaper(ledger: Ledger) -> Reaper:
    """Give a reaper over five lamps in Berlin."""
    lamp = Product(
        sku=LAMP, title="Lamp", price_minor=4_900, currency="EUR", limit_per_customer=None
    )
    berlin = Location(
        location="BER1", kind="warehouse", seller=None, reports="free", priority=1, enabled=True
    )
    await put_product(ledger.engine, lamp)
    await put_location(ledger.engine, berlin, actor="test")
    lines = (Quantity(sku=LAMP, quantity=5),)
    await ledger.post(Receive(actor="test", receipt_id="r-1", location="BER1", lines=lines))
    return Reaper(ledger, Watch(ledger.engine), GRACE)


async def held(ledger: Ledger, checkout_id: str) -> str:
    """Hold one lamp, and give the reservation's id."""
    line = CheckoutLine(sku=LAMP, quantity=1, price_minor=4_900)
    await ledger.post(
        OpenCheckout(
            actor="storefront",
            checkout_id=checkout_id,
            owner="storefront",
            customer_id="ada",
            cart_id=None,
            lines=(line,),
            total_minor=4_900,
            currency="EUR",
            ttl_seconds=900,
            request_fingerprint=checkout_id,
        )
    )
    reservation = f"{checkout_id}/1"
    lines = (Quantity(sku=LAMP, quantity=1),)
    await ledger.post(Reserve(actor="workflow", reservation_id=reservation, lines=lines))
    return reservation


async def shown(ledger: Ledger, checkout_id: str, state: PaymentState) -> None:
    """Store that the provider shows this checkout's payment in this state."""
    kind = PaymentOperationKind.AUTHORIZE
    await ledger.post(StartPaymentOperation(actor="workflow", checkout_id=checkout_id, kind=kind))
    seen = SeenPayment(
        payment_intent=f"pi_{checkout_id}",
        state=state,
        amount_minor=4_900,
        currency="EUR",
        captured_minor=4_900 if state is PaymentState.CAPTURED else 0,
    )
    await ledger.post(
        RecordPayment(actor="workflow", checkout_id=checkout_id, seen=seen, proves=kind)
    )


async def told(ledger: Ledger, checkout_id: str, kind: str) -> None:
    """Store an event of the provider."""
    event = inbox.InboxEvent(
        provider="stripe",
        event_id=f"evt_{kind}",
        kind=kind,
        payment_intent=f"pi_{checkout_id}",
        body_sha256="00" * 32,
    )
    await inbox.store(ledger.engine, event)


async def test_a_lapsed_hold_is_expired(reaper: Reaper, database: Database) -> None:
    """Its lamp is for sale again, and the ledger says who did it and why."""
    reservation = await held(reaper.ledger, "co_ada")
    database.run(LATE)

    await reaper.round()

    assert database.value(STATE, reservation) == "expired"
    assert database.rows("SELECT status, reason FROM checkout") == [("expired", "ttl")]
    assert database.rows("SELECT sellable, reserved FROM stock") == [(5, 0)]
    movement = "SELECT actor, operation_key FROM movement WHERE kind = 'expire'"
    assert database.rows(movement) == [("reaper", "reservation/co_ada/1/expire/0")]


async def test_a_hold_is_left_alone_for_the_grace(reaper: Reaper, database: Database) -> None:
    """Its workflow's own timer comes first."""
    reservation = await held(reaper.ledger, "co_ada")
    database.run("UPDATE reservation SET expires_at = clock_timestamp() - interval '30 seconds'")

    await reaper.round()

    assert database.value(STATE, reservation) == "held"


async def test_every_lapsed_hold_of_a_round_is_expired(reaper: Reaper, database: Database) -> None:
    """In one batch, each answered for itself."""
    for name in ("co_ada", "co_bob", "co_eve"):
        await held(reaper.ledger, name)
    database.run(LATE)

    await reaper.round()

    assert database.rows("SELECT DISTINCT state FROM reservation") == [("expired",)]
    assert database.rows("SELECT sellable, reserved FROM stock") == [(5, 0)]


async def test_a_round_with_nothing_to_do_does_nothing(reaper: Reaper) -> None:
    """Most of them."""
    await reaper.round()


async def test_an_authorized_checkout_is_its_workflows_to_end(
    reaper: Reaper, database: Database
) -> None:
    """The customer has paid: a late worker must still be able to sell."""
    reservation = await held(reaper.ledger, "co_ada")
    await shown(reaper.ledger, "co_ada", PaymentState.AUTHORIZED)
    database.run(LATE)

    await reaper.round()

    assert database.value(STATE, reservation) == "held"


@pytest.mark.parametrize("kind", [AUTHORIZED, "payment_intent.succeeded"])
async def test_a_checkout_whose_payment_was_told_and_not_looked_at_is_spared(
    reaper: Reaper, database: Database, kind: str
) -> None:
    """Until somebody has looked at it."""
    reservation = await held(reaper.ledger, "co_ada")
    await shown(reaper.ledger, "co_ada", PaymentState.REQUIRES_PAYMENT)
    await told(reaper.ledger, "co_ada", kind)
    database.run(LATE)

    await reaper.round()
    spared = database.value(STATE, reservation)
    await reaper.watch.settle_webhook(f"evt_{kind}", "already-known")
    await reaper.round()

    assert (spared, database.value(STATE, reservation)) == ("held", "expired")


async def test_a_decline_does_not_spare_a_hold(reaper: Reaper, database: Database) -> None:
    """Only news of money does."""
    reservation = await held(reaper.ledger, "co_ada")
    await shown(reaper.ledger, "co_ada", PaymentState.REQUIRES_PAYMENT)
    await told(reaper.ledger, "co_ada", "payment_intent.payment_failed")
    database.run(LATE)

    await reaper.round()

    assert database.value(STATE, reservation) == "expired"


async def test_a_fenced_hold_is_never_reaped(reaper: Reaper, database: Database) -> None:
    """From the fence on no timer can take the stock."""
    reservation = await held(reaper.ledger, "co_ada")
    await shown(reaper.ledger, "co_ada", PaymentState.AUTHORIZED)
    await reaper.ledger.post(Fence(actor="workflow", reservation_id=reservation))
    database.run(LATE)

    await reaper.round()

    assert database.value(STATE, reservation) == "committing"


async def test_a_debit_paid_and_not_fenced_yet_is_its_workflows_to_end(
    reaper: Reaper, database: Database
) -> None:
    """A method without authorization: the customer has paid all the same."""
    paid, lapsed = await held(reaper.ledger, "co_ada"), await held(reaper.ledger, "co_bob")
    await shown(reaper.ledger, "co_ada", PaymentState.CAPTURED)
    database.run(LATE)

    await reaper.round()

    assert (database.value(STATE, paid), database.value(STATE, lapsed)) == ("held", "expired")


async def test_a_paid_hold_nobody_fences_is_not_kept_for_ever(
    reaper: Reaper, database: Database
) -> None:
    """Its workflow is gone: after a quarter of an hour the stock is free, and the money is owed back."""
    paid = await held(reaper.ledger, "co_ada")
    await shown(reaper.ledger, "co_ada", PaymentState.CAPTURED)
    database.run("UPDATE reservation SET expires_at = clock_timestamp() - interval '16 minutes'")

    await reaper.round()

    assert database.value(STATE, paid) == "expired"
    assert database.value("SELECT status FROM checkout") == "refund_pending"


async def test_an_extended_hold_lapses_under_its_new_name(
    reaper: Reaper, database: Database
) -> None:
    """The key names the extension that was seen."""
    await held(reaper.ledger, "co_ada")
    database.run(LATE)
    database.run("UPDATE reservation SET extension = 1")

    await reaper.round()

    movement = "SELECT operation_key FROM movement WHERE kind = 'expire'"
    assert database.rows(movement) == [("reservation/co_ada/1/expire/1",)]


class BusyShop(Watch):
    """A customer extends their hold just after the reaper has looked."""

    async def lapsed_holds(self, grace: timedelta, limit: int = 200) -> list[LapsedHold]:
        """Look, and then be overtaken."""
        holds = await super().lapsed_holds(grace, limit)
        self.database.run("UPDATE reservation SET extension = extension + 1")
        return holds

    database: Database


async def test_an_extension_the_reaper_has_not_seen_saves_the_hold(
    reaper: Reaper, database: Database
) -> None:
    """Time triggers, state decides."""
    reservation = await held(reaper.ledger, "co_ada")
    database.run(LATE)
    busy = BusyShop(reaper.ledger.engine)
    busy.database = database

    await Reaper(reaper.ledger, busy, GRACE).round()

    assert database.value(STATE, reservation) == "held"


async def test_two_reapers_at_once_expire_a_hold_once(reaper: Reaper, database: Database) -> None:
    """The second one is told what the first one did."""
    for name in ("co_ada", "co_bob", "co_eve"):
        await held(reaper.ledger, name)
    database.run(LATE)

    await asyncio.gather(*(reaper.round() for _ in range(4)))

    assert database.value("SELECT count(*) FROM movement WHERE kind = 'expire'") == 3
    assert database.rows("SELECT sellable, reserved FROM stock") == [(5, 0)]
