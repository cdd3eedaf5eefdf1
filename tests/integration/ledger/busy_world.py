"""A world in which much has happened at once, through two processes, to be looked at and not changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random

from ledger.checkouts import PaymentOperationKind, PaymentState, Status
from ledger.commands import Command
from tests.copies import Database
from tests.integration.ledger.shop import another_ledger, open_shop, post_all
from tests.integration.ledger.warehouse_stories import busy_days
from tests.unit.ledger import cast
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH, RUG, TEAPOT

CHECKOUTS = 60
VOID, REFUND = PaymentOperationKind.VOID, PaymentOperationKind.REFUND
VOIDED = cast.Seen(state=PaymentState.VOIDED)


def stories(random: Random) -> Iterator[list[Command]]:
    """Tell a customer's story each, left off or ended anywhere."""
    for n in range(CHECKOUTS):
        name = f"co_{n}"
        whole = cast.commands_to_confirm(name)
        told = whole[: random.randint(1, len(whole))] if n % 3 else whole
        endings: list[list[Command]] = [
            [],
            [cast.expire(name), cast.record(VOIDED, name)],
            [cast.release(name), cast.start(VOID, name), cast.record(VOIDED, name, proves=VOID)],
            [cast.release(name, ending=Status.DECLINED, reason="card_declined")],
            [cast.cancel_order(name)],
            [
                cast.cancel_order(name),
                cast.start(REFUND, name),
                cast.record(cast.REFUNDED, name, proves=REFUND),
            ],
        ]
        # Only a placed order is paid back: this provider does nothing on its own.
        ending = endings[n % (len(endings) if told == whole else 4)]
        late = [cast.reserve(name), cast.release(name, reason="again"), cast.expire(name)]
        yield [*told, *ending, *(late if n % 4 == 0 else []), *told[-1:]]


async def live_through(database: Database) -> None:
    """Let it happen."""
    random = Random()
    async with open_shop(database) as shop, another_ledger(database) as other:
        await shop.offers(RUG, limit=1)
        for quantity, sku, place in ((40, LAMP, BERLIN), (90, LAMP, MUNICH), (5, RUG, BERLIN)):
            await shop.stocked(quantity, sku, place)
        drips: list[list[Command]] = [
            [cast.receive(1, TEAPOT, MUNICH, receipt=f"drip-{n}")] for n in range(5)
        ]
        special: list[list[Command]] = [
            [
                cast.open_checkout("co_none", lines={TEAPOT: 9}),
                cast.reserve("co_none", {TEAPOT: 9}),
            ],
            [
                cast.open_checkout("co_rug", customer="eve", lines={RUG: 2}),
                cast.reserve("co_rug", {RUG: 2}),
            ],
            [
                cast.open_checkout("co_grave"),
                cast.release("co_grave"),
                cast.reserve("co_grave"),
            ],
            [cast.pause(sku=RUG), cast.resume(sku=RUG), cast.pause(sku=RUG, reason="feed")],
            *drips,
            cast.commands_to_fence("co_fence"),
            [*cast.commands_to_authorize("co_slow"), cast.expire("co_slow")],
            [
                *cast.commands_to_authorize("co_poor"),
                cast.release("co_poor", ending=Status.DECLINED),
            ],
            [*cast.commands_to_hold("co_left"), cast.release("co_left")],
            cast.commands_to_confirm("co_kept"),
            [
                *cast.commands_to_confirm("co_back"),
                cast.cancel_order("co_back"),
                cast.start(REFUND, "co_back"),
                cast.record(cast.REFUNDED, "co_back", proves=REFUND),
            ],
            cast.commands_to_authorize("co_waits"),
            [*cast.commands_to_confirm("co_gone"), cast.cancel_order("co_gone")],
        ]
        told = [*stories(random), *special]
        random.shuffle(told)
        ledgers = [shop.ledger, other]
        for first in range(0, len(told), 12):
            await asyncio.gather(
                *[
                    post_all(ledgers[n % 2], story)
                    for n, story in enumerate(told[first : first + 12])
                ]
            )
        await busy_days(shop, other)
