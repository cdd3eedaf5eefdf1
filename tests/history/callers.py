"""Callers of one process: each lives through story after story, and writes down what it was told."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ledger.checkouts import PaymentOperationKind, PaymentState
from ledger.commands import Command, Quantity, Receive, Reserve, merged
from ledger.errors import LedgerError, Refused, Transient
from ledger.posting import Answer, Ledger
from tests.history.record import Outcome, Post
from tests.history.stories import Customer, Ending, Goods, Story
from tests.unit.ledger import cast
from tests.unit.ledger.cast import PRICE, Seen

OPENED_AT_ONCE = 100
BUYING = frozenset({Ending.BUY, Ending.BUY_AND_CANCEL})
Wished = tuple[Command, dict[str, int]]
"""A command, and the units it moves by sku."""


@dataclass(kw_only=True)
class Day:
    """What the callers of a process share: the stories ahead, and the history behind them."""

    name: str
    plan: Iterator[Story]
    random: Random
    hurried: float = 0.0
    """The share of posts whose caller hangs up before the answer, at any moment."""
    forgetful: float = 0.0
    """The share of unknown outcomes that nobody asks about again."""
    history: list[Post] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _ahead: deque[Story] = field(default_factory=deque)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def next_stories(self, ledger: Ledger, wanted: int) -> list[Story]:
        """Give the next stories, their checkouts opened."""
        async with self._opening:
            while len(self._ahead) < wanted:
                drawn = [next(self.plan) for _ in range(OPENED_AT_ONCE)]
                customers = [story for story in drawn if isinstance(story, Customer)]
                await _insist(
                    ledger, [cast.open_checkout(c.checkout, lines=c.cart) for c in customers]
                )
                self._ahead.extend(drawn)
            return [self._ahead.popleft() for _ in range(wanted)]


@dataclass(kw_only=True)
class Caller:
    """One of them. With a `batch` above one it posts for so many customers in one transaction."""

    name: str
    day: Day
    ledger: Ledger
    batch: int = 1

    async def live(self) -> None:
        """Go on until the day is over; what is to become of the last customers is asked beside the next."""
        owed: list[Wished] = []
        while not self.day.over.is_set():
            stories = await self.day.next_stories(self.ledger, self.batch)
            wishes = [*owed, *(_first(story) for story in stories)]
            told = (await self._learn(wishes))[len(owed) :]
            holding = [
                story
                for story, outcome in zip(stories, told, strict=True)
                if isinstance(story, Customer) and outcome is Outcome.OK
            ]
            buying = [customer for customer in holding if customer.ending in BUYING]
            await _insist(self.ledger, [deed for customer in buying for deed in _payment(customer)])
            owed = [wish for customer in holding for wish in _endings(customer)]

    async def _learn(self, wishes: Sequence[Wished]) -> list[Outcome]:
        """Post one by one, or all in one transaction, each until it is known or nobody cares any more."""
        if self.batch == 1:
            return [(await self._insisted([wish]))[0] for wish in wishes]
        return await self._insisted(wishes)

    async def _insisted(self, wishes: Sequence[Wished]) -> list[Outcome]:
        while True:
            told = await self._posted(wishes)
            if Outcome.UNKNOWN not in told or self.day.random.random() < self.day.forgetful:
                return told

    async def _posted(self, wishes: Sequence[Wished]) -> list[Outcome]:
        hurried = self.day.random.random() < self.day.hurried
        patience = self.day.random.uniform(0, 0.05) if hurried else None
        answers = [Answer(error=Transient("hung-up"))] * len(wishes)
        invoked = time.monotonic_ns()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                answers = await _answers(self.ledger, [command for command, _ in wishes])
        completed = time.monotonic_ns()
        posts = [
            self._post(command, cart, answer, (invoked, completed))
            for (command, cart), answer in zip(wishes, answers, strict=True)
        ]
        self.day.history += posts
        return [post.outcome for post in posts]

    def _post(
        self, command: Command, cart: dict[str, int], answer: Answer, waited: tuple[int, int]
    ) -> Post:
        assert command.key is not None
        outcome = Outcome.OK if answer.error is None else Outcome.REFUSED
        if isinstance(answer.error, Transient):
            outcome = Outcome.UNKNOWN
        return Post(
            key=command.key,
            asked=_moved(command, cart, answer),
            caller=f"{self.day.name}/{self.name}",
            invoked=waited[0],
            completed=waited[1],
            outcome=outcome,
            code=answer.error.code if answer.error else None,
        )


async def _answers(ledger: Ledger, commands: Sequence[Command]) -> list[Answer]:
    """Post one as most callers do, and several as one batch.

    Anything else than a yes, a no or a "not known" is thrown, and ends the test.
    """
    try:
        if len(commands) > 1:
            answers = await ledger.post_batch(commands)
        else:
            answers = [Answer(body=await ledger.post(commands[0]))]
    except LedgerError as error:
        answers = [Answer(error=error)] * len(commands)
    for answer in answers:
        if answer.error is not None and not isinstance(answer.error, Refused | Transient):
            raise answer.error
    return answers


def _moved(command: Command, cart: dict[str, int], answer: Answer) -> dict[str, int]:
    """Say what was asked; the end of a hold moves what the hold was of, which its answer says."""
    if isinstance(command, Receive | Reserve) or "lines" not in answer.body:
        return cart
    lines: list[dict[str, Any]] = answer.body["lines"]
    return dict(
        merged(tuple(Quantity(sku=line["sku"], quantity=line["quantity"]) for line in lines))
    )


def moved_by(command: Receive | Reserve) -> dict[str, int]:
    """Add up what a command moves, by sku."""
    return dict(merged(command.lines))


def _first(story: Story) -> Wished:
    command = (
        cast.receive(story.quantity, story.sku, story.location, receipt=story.receipt)
        if isinstance(story, Goods)
        else cast.reserve(story.checkout, story.cart)
    )
    return command, moved_by(command)


def _endings(customer: Customer) -> list[Wished]:
    name = customer.checkout
    commands: dict[Ending, list[Command]] = {
        Ending.RELEASE: [cast.release(name)],
        Ending.EXPIRE: [cast.expire(name)],
        Ending.BUY: [cast.confirm(name)],
        Ending.BUY_AND_CANCEL: [cast.confirm(name), cast.cancel_order(name)],
        Ending.LEAVE: [],
    }
    return [(command, customer.cart) for command in commands[customer.ending]]


def _payment(customer: Customer) -> list[Command]:
    """Bring the money: authorized, the hold fenced, captured."""
    name, price = customer.checkout, PRICE * sum(customer.cart.values())
    authorize, capture = PaymentOperationKind.AUTHORIZE, PaymentOperationKind.CAPTURE
    seen = Seen(state=PaymentState.AUTHORIZED, amount=price, authorized=price)
    taken = Seen(state=PaymentState.CAPTURED, amount=price, authorized=price, captured=price)
    return [
        cast.start(authorize, name),
        cast.record(seen, name, proves=authorize),
        cast.fence(name),
        cast.start(capture, name),
        cast.record(taken, name, proves=capture),
    ]


async def _insist(ledger: Ledger, commands: Sequence[Command]) -> None:
    """Post in one transaction, again and again until it is known; each must be accepted."""
    while True:
        with suppress(Transient):
            for answer in await ledger.post_batch(commands):
                answer.accepted()
            return
