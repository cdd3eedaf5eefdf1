"""What goes wrong elsewhere when a worker dies between what it did and the word of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, LiteralString

import pytest
from temporalio.client import WorkflowFailureError

from ledger.rules import payments
from tests.history.conftest import Say
from tests.workflows.gate import Fault
from tests.workflows.shop import Checkout, Forward, Shop
from tests.workflows.test_after_the_sale import cancelled, ended
from workflows.steps import Step

STEP_SECONDS = 1
TTL_SECONDS = 600
AT_ONCE = 14
AFTER_THE_SALE = ("find_debts", "pay_refund")
EVERY_STEP = {*map(str, Step), *AFTER_THE_SALE}

BOOKS: tuple[LiteralString, ...] = (
    "SELECT kind, source, target, quantity, operation_key, cause_id FROM movement WHERE sku = {sku} ORDER BY sequence",
    "SELECT key, outcome ->> 'refused' FROM operation WHERE key LIKE '%%' || {id} || '%%' ORDER BY key",
    "SELECT key, kind, state FROM payment_operation WHERE checkout_id = {id} ORDER BY key",
    "SELECT refund_id, state, failures FROM refund WHERE checkout_id = {id} ORDER BY 1",
    "SELECT reservation_id, state FROM reservation WHERE checkout_id = {id} ORDER BY 1",
    "SELECT type FROM outbox WHERE subject = {sku} || '/BER1' ORDER BY id",
)


# Lives of a checkout, which between them come to every step


async def paid(_shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    await checkout.ask()
    await checkout.pay()


async def declined(_shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined")


async def abandoned(_shop: Shop, checkout: Checkout, forward: Forward) -> None:
    await checkout.ask()
    await forward(checkout, TTL_SECONDS + 1)


async def extended(_shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    await checkout.ask()
    await checkout.extend(1)
    await checkout.pay()


async def paid_late(_shop: Shop, checkout: Checkout, forward: Forward) -> None:
    await checkout.ask()
    await checkout.pay(told=False)
    await forward(checkout, TTL_SECONDS + 1)


async def taken_back(shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    await checkout.ask()
    confirming = shop.gate.hold(checkout.id, Step.CONFIRM_ORDER)
    await checkout.pay()
    await confirming.reached.wait()
    await checkout.handle.cancel()
    confirming.let_go.set()


async def returned_to_sender(_shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    await checkout.ask()
    await checkout.pay()
    await checkout.ended()
    await ended(await cancelled(checkout))


Life = Callable[[Shop, Checkout, Forward], Awaitable[None]]
LIVES: dict[Life, str] = {
    paid: "confirmed",
    declined: "declined",
    abandoned: "expired",
    extended: "confirmed",
    paid_late: "confirmed",
    taken_back: "refunded",
    returned_to_sender: "refunded",
}


async def lived(
    shop: Shop, forward: Forward, life: Life, dies_after: str = ""
) -> tuple[list[Any], set[str]]:
    """Play a checkout to its end; give its books, and the steps whose end was passed.

    A worker that dies once a step has committed is, to everybody else, an attempt that never answers.
    """
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp, ttl_seconds=TTL_SECONDS, step_seconds=STEP_SECONDS)
    place = f"{dies_after}.after"
    if dies_after:
        shop.gate.disturb(checkout.id, place, Fault.OUTLIVE, seconds=STEP_SECONDS * 1.7)
    await life(shop, checkout, forward)
    with suppress(WorkflowFailureError):  # ended as cancelled
        await checkout.ended()
    assert (await checkout.agreed())["status"] == LIVES[life]
    assert not shop.gate.met[checkout.id, place], f"{dies_after} never came to its end"
    passed = {
        place.removesuffix(".after")
        for place in shop.gate.places[checkout.id]
        if place.endswith(".after")
    }
    return books_of(checkout), passed


def books_of(checkout: Checkout) -> list[Any]:
    """Read everything that was written about a checkout, without its name."""
    names = {"id": checkout.id, "sku": checkout.start.lines[0].sku}
    books: list[Any] = []
    for query in BOOKS:
        wanted = re.findall(r"{(\w+)}", query)
        statement = query.format(id="%s", sku="%s")
        rows = checkout.shop.database.superuser.execute(
            statement.encode(), [names[name] for name in wanted]
        )
        books.append([_nameless(row, names) for row in rows.fetchall()])
    return books


def _nameless(row: tuple[Any, ...], names: dict[str, str]) -> tuple[str, ...]:
    told = [str(value) for value in row]
    for word, name in names.items():
        told = [value.replace(name, word) for value in told]
    return tuple(told)


async def test_a_worker_that_dies_once_its_step_is_committed_changes_no_book(
    own_shop: Shop, forward: Forward, say: Say
) -> None:
    """Temporal's at-least-once activities: a repeated reserve took stock twice, a repeated capture money.

    At every step in turn: the books are, line by line, those of a checkout in which nobody died. That the
    process itself may be killed there is shown in `tests/integration/worker/faults/test_deaths_anywhere.py`.
    """
    room, lives = asyncio.Semaphore(AT_ONCE), list(LIVES)

    async def one(life: Life, dies_after: str = "") -> tuple[list[Any], set[str]]:
        async with room:
            return await lived(own_shop, forward, life, dies_after)

    async with own_shop.working():
        calm = await asyncio.gather(*map(one, LIVES))
        first = {
            step: next(n for n, (_, passed) in enumerate(calm) if step in passed)
            for step in sorted(EVERY_STEP)
        }
        deaths = await asyncio.gather(*(one(lives[n], step) for step, n in first.items()))

    assert len({repr(books) for books, _ in calm}) >= len(LIVES) - 1, "they tell nothing apart"
    for (step, n), (books, _) in zip(first.items(), deaths, strict=True):
        assert books == calm[n][0], step
    say(f"museum 10: {len(deaths)} steps, a death after each, the books as without")


async def test_a_ledger_that_asks_again_under_another_key_is_seen(
    own_shop: Shop, forward: Forward, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal reference-app-orders-go: the key of a charge was drawn anew, so that a repeat was another charge."""
    monkeypatch.setattr(payments, "_asked_again", lambda _newest: True)
    async with own_shop.working():
        with pytest.raises(AssertionError):
            await lived(own_shop, forward, paid, Step.REQUEST_PAYMENT)
