"""Two who want opposite things of one checkout, through the whole saga: what they meet at is drawn by a seed.

Half of the time the one or the other is held back at a crash point until its rival has done his part, so
that either has its turn at being first; else both begin some hundredths of a second apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError

from ledger import ids
from ledger.checkouts import Status
from ledger.commands import Release
from ledger.errors import Refused
from tests.workflows.facts import expire
from tests.workflows.gate import Hold
from tests.workflows.nets import begun
from tests.workflows.shop import AUTHORIZED, PATIENCE_SECONDS, Checkout, Forward, Shop, eventually
from workflows.checkout import CheckoutWorkflow
from workflows.recovery import RecoveryWorkflow
from workflows.starting import recovery_arguments, recovery_workflow_id
from workflows.steps import Stage, Step

TTL_SECONDS = 600
EARLIER_SECONDS = 0.05
LATER_SECONDS = 0.3
"""By how much the one may begin before the other, and after it: a webhook is stored and brought first."""
ENDINGS = (
    "SELECT cause_id, count(*) FILTER (WHERE kind = 'reserve'),"
    " coalesce(array_agg(kind) FILTER (WHERE kind <> 'reserve'), '{}')"
    " FROM movement WHERE cause_kind = 'reservation' AND cause_id LIKE %s GROUP BY 1 ORDER BY 1"
)
Act = Callable[[], Awaitable[object]]


class First(StrEnum):
    """Who has his turn at being first; the other's step is held meanwhile."""

    ONE = "the one"
    OTHER = "the other"
    FREE = "nobody"


@dataclass(kw_only=True)
class Arena:
    """One interleaving: a checkout for the only lamp there is, and how it was drawn."""

    shop: Shop
    checkout: Checkout
    forward: Forward
    random: Random
    first: First
    wanted: str = ""
    """What is taken instead of drawing, where there is that choice."""
    notes: list[str] = field(default_factory=list)

    def drawn(self, *words: str) -> str:
        """Draw one, and note it."""
        word = self.wanted if self.wanted in words else self.random.choice(words)
        self.notes.append(word)
        return word

    def hold(self, step: Step, *, done: bool = False) -> Hold:
        """Hold the next attempt of a step."""
        return self.shop.gate.hold(self.checkout.id, step, done=done)

    async def together(self, one: Act, other: Act) -> None:
        """Begin both, some hundredths of a second apart."""
        apart = self.random.uniform(-EARLIER_SECONDS, LATER_SECONDS)

        async def late(act: Act, seconds: float) -> None:
            await asyncio.sleep(max(seconds, 0))
            await act()

        await asyncio.gather(late(one, apart), late(other, -apart))

    async def timer_fires(self) -> None:
        """Let the time be over in the checkout's own workflow."""
        await self.forward(self.checkout, TTL_SECONDS + 1)

    async def woken(self) -> None:
        """Let the time be over where the workflow waits, not knowing what another hand did meanwhile."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                told = await self.checkout.handle.query(CheckoutWorkflow.told)
                if told["stage"] not in (Stage.RESERVING, Stage.AWAITING_PAYMENT):
                    return
                if told["stage"] == Stage.AWAITING_PAYMENT and told["step"] is None:
                    await self.timer_fires()
                    return
                await asyncio.sleep(0.02)

    async def told(self, name: str) -> str:
        """Wait for a workflow's end, and give its status; empty where it ended as cancelled."""
        handle: WorkflowHandle[Any, str] = self.shop.client.get_workflow_handle(name)
        async with asyncio.timeout(PATIENCE_SECONDS):
            with suppress(WorkflowFailureError):
                return str(await handle.result())
        return ""

    def movements(self) -> list[tuple[int, list[str]]]:
        """List, by reservation, how often its line was reserved, and its terminal movements."""
        rows = self.shop.database.rows(ENDINGS, f"{self.checkout.id}/%")
        return [(reserved, ended) for _, reserved, ended in rows]

    async def stands(self, row: dict[str, str], piles: tuple[int, int, int]) -> None:
        """See that ledger, piles and till agree, and that this is what they agree on."""
        found = {**await self.checkout.agreed()}
        assert {name: found[name] for name in row} == row, found
        assert self.shop.piles(self.checkout.start.lines[0].sku) == piles


# The time to pay is over while the customer has paid, and the webhook comes.


async def ttl_and_payment(arena: Arena) -> str:
    """Let the timer or the reaper race the webhook; a rival may want the lamp that was let go."""
    checkout, clock = arena.checkout, arena.drawn("timer", "reaper")
    rivalled = arena.drawn("a rival", "no rival") == "a rival"
    looking = arena.hold(Step.VOID_PAYMENT)
    await checkout.ask()
    await checkout.pay(told=False)
    await _raced_for_time(arena, clock)
    ending = asyncio.create_task(arena.told(checkout.handle.id))
    voiding = asyncio.create_task(looking.reached.wait())
    await asyncio.wait({ending, voiding}, return_when=asyncio.FIRST_COMPLETED)
    rival = await _rival(arena) if rivalled and voiding.done() else None
    looking.let_go.set()
    voiding.cancel()
    await ending
    return await _sold_or_taken(arena, rival)


async def _raced_for_time(arena: Arena, clock: str) -> None:
    checkout, shop = arena.checkout, arena.shop

    async def time_over() -> None:
        if clock == "timer":
            await arena.timer_fires()
        else:
            with suppress(Refused):
                await expire(shop, checkout.id)

    async def heard() -> None:
        await checkout.hear(AUTHORIZED)

    if arena.first is First.FREE:
        await arena.together(time_over, heard)
    elif arena.first is First.ONE and clock == "timer":
        await _while_held(arena.hold(Step.EXPIRE_HOLD), time_over, heard)
    else:
        fenced = arena.first is First.OTHER
        await _while_held(arena.hold(Step.ACCEPT_PAYMENT, done=fenced), heard, time_over)
    if clock == "reaper":
        await arena.woken()


async def _while_held(held: Hold, first: Act, second: Act) -> None:
    await first()
    await held.reached.wait()
    await second()
    held.let_go.set()


async def _rival(arena: Arena) -> Checkout | None:
    """Let somebody else ask for the lamp; he comes too late where the look at the payment was tried again."""
    rival = await arena.shop.open(arena.checkout.start.lines[0].sku, customer="bob")
    return rival if (await rival.ask()).status == "awaiting_payment" else None


async def _sold_or_taken(arena: Arena, rival: Checkout | None) -> str:
    paid = {"status": "confirmed", "payment": "captured", "order": "placed"}
    (_, ended), *_ = arena.movements()
    if ended == ["confirm"]:
        assert arena.movements() == [(1, ["confirm"])]
        await arena.stands(paid, (0, 0, 1))
        return "payment"
    assert ended == ["expire"], ended
    if rival is None:
        assert arena.movements() == [(1, ["expire"]), (1, ["confirm"])]
        await arena.stands(paid, (0, 0, 1))
        return "TTL"
    assert arena.movements() == [(1, ["expire"])]
    given_up = {"status": "expired", "payment": "voided", "order": "none"}
    await arena.stands(given_up, (0, 1, 0))
    await rival.cancel()
    await arena.stands(given_up, (1, 0, 0))
    return "TTL"


# The customer thinks better of it, or an operator, or a lost workflow's last step comes, while it is fenced.


async def cancel_and_fence(arena: Arena) -> str:
    """Let a cancel race the webhook that leads to the fence."""
    checkout, by = arena.checkout, arena.drawn("customer", "operator", "another hand")
    heeded: list[bool] = []

    async def cancel() -> None:
        heeded.append(await CANCELS[by](checkout))

    async def heard() -> None:
        await checkout.hear(AUTHORIZED)

    await checkout.ask()
    await checkout.pay(told=False)
    if arena.first is First.FREE:
        await arena.together(cancel, heard)
    elif arena.first is First.ONE and by != "another hand":
        releasing = arena.hold(Step.RELEASE_STOCK)
        cancelling = asyncio.create_task(cancel())
        await releasing.reached.wait()
        await heard()
        releasing.let_go.set()
        await cancelling
    else:
        accepting = arena.hold(Step.ACCEPT_PAYMENT, done=arena.first is First.OTHER)
        await heard()
        await accepting.reached.wait()
        cancelling = asyncio.create_task(cancel())
        await _asked(checkout, by, cancelling)
        accepting.let_go.set()
        await cancelling
    if by == "another hand":
        await arena.woken()
    await arena.told(checkout.handle.id)
    return await _cancelled_or_sold(arena, by, heeded=heeded == [True])


async def _asked(checkout: Checkout, by: str, cancelling: asyncio.Task[None]) -> None:
    if by == "customer":
        await checkout.shop.until_accepted(checkout, "cancel")
    else:
        await cancelling


async def _by_customer(checkout: Checkout) -> bool:
    try:
        return bool((await checkout.cancel()).cancelled)
    except (WorkflowUpdateFailedError, RPCError):  # too late, or over already
        return False


async def _by_operator(checkout: Checkout) -> bool:
    try:
        await checkout.handle.cancel()
    except RPCError:  # over already
        return False
    return True


async def _by_another_hand(checkout: Checkout) -> bool:
    release = Release(
        actor="recovery",
        reservation_id=ids.reservation_id(checkout.id),
        ending=Status.CANCELLED,
        reason="recovered",
    )
    try:
        await checkout.shop.ledger.post(release)
    except Refused:
        return False
    return True


CANCELS = {"customer": _by_customer, "operator": _by_operator, "another hand": _by_another_hand}


async def _cancelled_or_sold(arena: Arena, by: str, *, heeded: bool) -> str:
    (movements,) = arena.movements()
    if movements == (1, ["release"]):
        assert heeded, "cancelled, and told that it was not"
        await arena.stands({"status": "cancelled", "payment": "voided", "order": "none"}, (1, 0, 0))
        return "cancel"
    if heeded:
        assert by == "operator", "sold, and told that it was cancelled"
        assert movements == (1, ["confirm"])
        await arena.stands(
            {"status": "refunded", "payment": "refunded", "order": "cancelled"}, (1, 0, 0)
        )
        return "fence"
    assert movements == (1, ["confirm"])
    await arena.stands({"status": "confirmed", "payment": "captured", "order": "placed"}, (0, 0, 1))
    return "fence"


# The stock is given back while somebody is about to take it.


async def release_and_reserve(arena: Arena) -> str:
    """Let a reserve race the undo of its checkout, that of its recovery, or another hand's release."""
    by = arena.drawn("undo", "recovery", "another hand")
    reserving = arena.hold(Step.RESERVE_STOCK)
    await begun(arena.checkout)
    await reserving.reached.wait()
    if by == "another hand":
        await _released_by_another(arena, reserving)
        await arena.woken()
        await arena.told(arena.checkout.handle.id)
    else:
        await _undone(arena, reserving, by)
    await eventually(lambda: _at_rest(arena))
    movements = arena.movements()
    assert movements in ([], [(1, ["release"])]), movements
    row = {"status": "cancelled", "reservation": "released", "order": "none"}
    await arena.stands(row, (1, 0, 0))
    return "reserve" if movements else "release"


async def _released_by_another(arena: Arena, reserving: Hold) -> None:
    async def release() -> None:
        assert await _by_another_hand(arena.checkout)

    async def reserve() -> None:
        reserving.let_go.set()

    if arena.first is First.FREE:
        await arena.together(release, reserve)
    elif arena.first is First.ONE:
        await release()
        await reserve()
    else:
        await reserve()
        await eventually(lambda: _held(arena))
        await release()


async def _undone(arena: Arena, reserving: Hold, by: str) -> None:
    """Give the reserve up while its first attempt is on its way still, and let that race the release."""
    checkout, shop = arena.checkout, arena.shop
    releasing = arena.hold(Step.RELEASE_STOCK)
    shop.gate.put_off(checkout.id, Step.RESERVE_STOCK)
    name = checkout.handle.id
    if by == "recovery":
        name = recovery_workflow_id(checkout.id)
        await checkout.handle.terminate("lost")
        arguments = recovery_arguments(checkout.start, shop.queue)
        await shop.client.start_workflow(RecoveryWorkflow.run, checkout.start, **arguments)
    await releasing.reached.wait()

    async def release() -> None:
        releasing.let_go.set()

    async def reserve() -> None:
        reserving.let_go.set()

    if arena.first is First.FREE:
        await asyncio.gather(*arena.random.sample([release(), reserve()], 2))
    elif arena.first is First.ONE:
        await release()
        await eventually(lambda: _released(arena))
        await reserve()
    else:
        await reserve()
        await eventually(lambda: _held(arena))
        await release()
    await arena.told(name)


async def _held(arena: Arena) -> bool:
    return bool(arena.movements())


async def _released(arena: Arena) -> bool:
    return arena.checkout.row()["reservation"] == "released"


async def _at_rest(arena: Arena) -> bool:
    """Tell whether the attempt that came late has had its say, at the till too."""
    passed = arena.shop.gate.places[arena.checkout.id]
    payment = arena.checkout.row()["payment"]
    return f"{Step.RESERVE_STOCK}.after" in passed and payment in ("none", "voided")
