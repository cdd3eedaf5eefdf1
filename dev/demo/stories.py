"""The six stories of the demo, each told through the API and checked as it goes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn

from dev.demo.expectations import Expectations
from dev.demo.shop import Answer, Shop

CHAIRS, ABANDONED_CHAIRS = 4, 3
CREATED, CONFLICT, OK, PAYMENT_REQUIRED = 201, 409, 200, 402
ACCEPTED = 202

CATALOGUE: dict[str, tuple[str, int]] = {
    "LAMP-BRASS": ("Reading lamp, brass", 8_900),
    "MUG-BLUE": ("Stoneware mug, blue", 1_450),
    "CHAIR-OAK": ("Kitchen chair, oak", 14_900),
    "POSTER-MOON": ("Poster, signed, edition of ten", 4_000),
}
RECEIPTS: dict[str, dict[str, int]] = {
    "BER1": {"LAMP-BRASS": 6, "MUG-BLUE": 40, "CHAIR-OAK": CHAIRS, "POSTER-MOON": 10},
    "MUC1": {"LAMP-BRASS": 4, "MUG-BLUE": 20},
}
ABANDONED_TTL_SECONDS = 4
RACE_BUYERS, RACE_UNITS = 40, 10

Story = Callable[[Shop, Expectations], Awaitable[None]]


async def seed(shop: Shop, _: Expectations) -> None:
    """Fill the shelves: four products in two warehouses."""
    for sku, (title, price_minor) in CATALOGUE.items():
        await shop.offer(sku, title, price_minor)
    for location, quantities in RECEIPTS.items():
        await shop.receive(f"demo-{location}", location, quantities)


async def paid(shop: Shop, expectations: Expectations) -> None:
    """Sell seven lamps and two mugs, more lamps than either warehouse has."""
    checkout = await shop.check_out("ada", {"LAMP-BRASS": 7, "MUG-BLUE": 2})
    expectations.expect(
        "stock is held: 201 with a payment to make", holds=checkout.status == CREATED
    )
    places = {line["location"] for line in checkout.body["reservation"]["lines"]}
    expectations.expect("the lamps come from two warehouses", holds=places == {"BER1", "MUC1"})
    await shop.pay(checkout, "pm_card_visa")
    ended = await shop.ended(checkout.checkout_id)
    _expect_end(expectations, ended, "confirmed", "confirmed", "captured")
    captured = ended["payment"]["captured_minor"]
    expectations.expect(
        f"captured {captured} of {ended['total_minor']}", holds=captured == ended["total_minor"]
    )


async def declined(shop: Shop, expectations: Expectations) -> None:
    """Let a card be declined: the chair goes back on sale."""
    checkout = await shop.check_out("bob", {"CHAIR-OAK": 1})
    answer = await shop.pay(checkout, "pm_card_chargeDeclined")
    expectations.expect("the provider says no: 402", holds=answer == PAYMENT_REQUIRED)
    ended = await shop.ended(checkout.checkout_id)
    _expect_end(expectations, ended, "declined", "released", "voided")


async def abandoned(shop: Shop, expectations: Expectations) -> None:
    """Leave a cart alone until its hold runs out."""
    checkout = await shop.check_out(
        "eve", {"CHAIR-OAK": ABANDONED_CHAIRS}, ttl_seconds=ABANDONED_TTL_SECONDS
    )
    held = await shop.stock("CHAIR-OAK")
    expectations.expect("three of four chairs are held", holds=held["reserved"] == ABANDONED_CHAIRS)
    await _watch(shop, checkout, expectations)
    ended = await shop.ended(checkout.checkout_id)
    _expect_end(expectations, ended, "expired", "expired", "voided")
    free = await shop.stock("CHAIR-OAK")
    expectations.expect("all four chairs are free again", holds=free["available"] == CHAIRS)


async def cancelled(shop: Shop, expectations: Expectations) -> None:
    """Change one's mind before paying, twice."""
    checkout = await shop.check_out("kim", {"MUG-BLUE": 6})
    first, second = await shop.cancel(checkout), await shop.cancel(checkout)
    expectations.expect(
        "cancelled with the token, and again: the same answer",
        holds=(first.status, second.status) == (OK, OK),
    )
    _expect_end(
        expectations, await shop.ended(checkout.checkout_id), "cancelled", "released", "voided"
    )


async def short(shop: Shop, expectations: Expectations) -> None:
    """Miss a mug and a chair that are paid for: the mug comes from the other warehouse, the chair's price goes back."""
    checkout = await shop.check_out("ida", {"MUG-BLUE": 1, "CHAIR-OAK": 1})
    await shop.pay(checkout, "pm_card_visa")
    await shop.ended(checkout.checkout_id)
    lines = checkout.body["reservation"]["lines"]
    first = await shop.miss(checkout.checkout_id, "demo-short", lines)
    replaced, refunded = first.body["replaced"], first.body["refunded"]
    expectations.expect("told: 202", holds=first.status == ACCEPTED)
    expectations.expect(
        "the mug is sold from the other warehouse instead",
        holds=[line["sku"] for line in replaced] == ["MUG-BLUE"]
        and replaced[0] not in lines
        and refunded == [{"sku": "CHAIR-OAK", "quantity": 1}],
    )
    settled = await shop.settled(checkout.checkout_id, "demo-short", lines)
    ended = await shop.look(checkout.checkout_id)
    returned = ended["payment"]["refunded_minor"]
    expectations.expect(
        f"told again: {settled.status}, and {returned} of {ended['total_minor']} is back",
        holds=(settled.status, returned) == (OK, CATALOGUE["CHAIR-OAK"][1]),
    )


async def race(shop: Shop, expectations: Expectations) -> None:
    """Let forty buyers run for ten posters."""
    ends = Counter(
        await asyncio.gather(*(_race_once(shop, f"fan-{number}") for number in range(RACE_BUYERS)))
    )
    expectations.expect(
        f"exactly ten buyers have a poster: {dict(ends)}", holds=ends["confirmed"] == RACE_UNITS
    )
    told = ends["insufficient-stock"]
    expectations.expect("everybody else was told so", holds=told == RACE_BUYERS - RACE_UNITS)
    stock = await shop.stock("POSTER-MOON")
    expectations.expect(
        "ten sold, none held, none left",
        holds=(stock["sold"], stock["reserved"], stock["available"]) == (RACE_UNITS, 0, 0),
    )


async def told(shop: Shop, expectations: Expectations) -> None:
    """Tell the catalogue and the search what became of all that, without asking the ledger."""
    for sku in CATALOGUE:
        stock = await shop.stock(sku)
        shown = await shop.shown(sku, stock["version"])
        expectations.expect(
            f"the catalogue shows {shown['available']} of {sku}, as the ledger has them",
            holds=shown["available"] == stock["available"],
        )
    found = await shop.found("lampp")
    expectations.expect(
        f"whoever types lampp finds {', '.join(found)}", holds="LAMP-BRASS" in found
    )


STORIES: tuple[Story, ...] = (seed, paid, declined, abandoned, cancelled, short, race, told)


async def _race_once(shop: Shop, customer: str) -> str:
    checkout = await shop.check_out(customer, {"POSTER-MOON": 1})
    if checkout.status == CONFLICT:
        return str(checkout.body["code"])
    if checkout.status != CREATED:
        return f"http-{checkout.status}"
    await shop.pay(checkout, "pm_card_visa")
    return str((await shop.ended(checkout.checkout_id))["status"])


async def _watch(shop: Shop, checkout: Answer, expectations: Expectations) -> None:
    columns = (TextColumn("  the hold runs out"), BarColumn(), TextColumn("{task.fields[status]}"))
    with Progress(*columns, console=expectations.console) as progress:
        task = progress.add_task("", total=ABANDONED_TTL_SECONDS * 10, status="awaiting_payment")
        for _ in range(ABANDONED_TTL_SECONDS * 30):
            status = (await shop.look(checkout.checkout_id))["status"]
            progress.update(task, advance=1, status=status)
            if status != "awaiting_payment":
                break
            await asyncio.sleep(0.1)


def _expect_end(
    expectations: Expectations,
    checkout: dict[str, Any],
    status: str,
    reservation: str,
    payment: str,
) -> None:
    seen = (
        checkout["status"],
        checkout["reservation"]["state"],
        checkout["payment"]["state"],
    )
    expectations.expect(
        f"checkout {seen[0]}, reservation {seen[1]}, payment {seen[2]}",
        holds=seen == (status, reservation, payment),
    )
