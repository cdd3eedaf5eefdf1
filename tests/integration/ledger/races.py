"""Two who want opposite things of one checkout at once: how they meet is decided by a seed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from random import Random

import psycopg
from psycopg.rows import TupleRow

from ledger.commands import Command
from ledger.posting import Ledger
from tests.copies import Database
from tests.integration.ledger.proxy import Cut, Wire, wire_to
from tests.integration.ledger.shop import Shop, another_ledger
from tests.unit.ledger.cast import BERLIN, LAMP, RUG

LINES = {LAMP: 1, RUG: 2}
PATIENCE_SECONDS = 20
APART_SECONDS = (0.0, 0.0, 0.0005, 0.001, 0.002, 0.004)
Deeds = Callable[[str], list[Command]]
Endings = dict[str, tuple[int, list[str]]]
"""By line: how often it was reserved, and the kinds of its terminal movements."""


def each(*kinds: str) -> Endings:
    """Say the same of each line: reserved once, and ended so."""
    return {f"{sku} {BERLIN}": (1, list(kinds)) for sku in LINES}


class Meeting(StrEnum):
    """How the two come upon each other."""

    AT_ONCE = "at once"
    """From two connections, let go by one barrier and a few thousandths of a second apart."""
    IN_LINE = "in line"
    """Both in flight, behind a third that has the checkout's row, in a known order."""
    ONE_BATCH = "in one batch"
    """In one transaction, their commands shuffled into each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One who wants something: what he posts, and what follows where he was first."""

    name: str
    deeds: Deeds
    then: Deeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Two sides, what was before, and who has won by what the two were told. Anything else is a fault."""

    name: str
    before: Deeds
    sides: tuple[Side, Side]
    winners: Mapping[tuple[str, str], str]
    """Who was first, by the last word that each side was told."""
    at_once: Mapping[str, Endings]
    """What each line has come to right after the race, by winner."""
    ends: Mapping[str, Endings]
    """What it has come to when the winner has gone on: one terminal movement, or none where none was reserved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One interleaving."""

    seed: int
    meeting: Meeting
    first: int
    apart_seconds: float
    under_way: bool
    """Only the last deed of each side is to come: the others were done before."""
    twins: frozenset[int]
    """The sides of which another attempt runs beside the first."""
    repeats: frozenset[int]
    """The sides that are told again what they were told, afterwards."""
    cut_of: int
    cut: Cut | None
    """Where that side's connection is cut."""

    @classmethod
    def of(cls, seed: int) -> Plan:
        """Draw it."""
        random = Random(seed)
        return cls(
            seed=seed,
            meeting=random.choice(list(Meeting)),
            first=random.randrange(2),
            apart_seconds=random.choice(APART_SECONDS),
            under_way=random.random() < 0.6,
            twins=frozenset(side for side in (0, 1) if random.random() < 0.2),
            repeats=frozenset(side for side in (0, 1) if random.random() < 0.4),
            cut_of=random.randrange(2),
            cut=random.choice([*Cut, *[None] * 10]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the sides are about to post, and how they meet."""

    name: str
    plan: Plan
    deeds: Sequence[Sequence[Command]]


@dataclass(kw_only=True)
class Track:
    """Where races are run: a connection of its own for each side, and a third that can stand in the way."""

    shop: Shop
    ledgers: tuple[Ledger, Ledger]
    wires: tuple[Wire, Wire]
    obstacle: psycopg.Connection[TupleRow]

    async def run(self, race: Race, plan: Plan) -> str:
        """Run it once, see that each side was told one thing, and give the winner."""
        name = name_of(race, plan)
        deeds = [side.deeds(name) for side in race.sides]
        if plan.under_way:
            await self.shop.tell(*(deed for some in deeds for deed in some[:-1]))
            deeds = [some[-1:] for some in deeds]
        self.wires[plan.cut_of].cut = plan.cut
        words = await MEETINGS[plan.meeting](self, Asked(name=name, plan=plan, deeds=deeds))
        for wire in self.wires:
            wire.cut = None
        for side in sorted(plan.repeats):
            words[side].add(await last_word(self.ledgers[1 - side], deeds[side]))
        first, second = map(_only, words)
        assert (first, second) in race.winners, (first, second)
        return race.winners[first, second]

    async def at_once(self, asked: Asked) -> list[set[str]]:
        """Let all go by one barrier."""
        plan, deeds = asked.plan, asked.deeds
        runners = [*(0, 1), *plan.twins]
        barrier = asyncio.Barrier(len(runners))

        async def run(side: int, ledger: Ledger) -> str:
            await barrier.wait()
            if side != plan.first:
                await asyncio.sleep(plan.apart_seconds)
            return await last_word(ledger, deeds[side])

        # An attempt's twin is another worker's, and comes over the other connection.
        posts = [
            run(side, self.ledgers[side if n < 2 else 1 - side]) for n, side in enumerate(runners)
        ]
        return _by_side(runners, await asyncio.gather(*posts))

    async def in_line(self, asked: Asked) -> list[set[str]]:
        """Let each begin when the one before it waits, and all go on when all wait."""
        plan, deeds = asked.plan, asked.deeds
        runners = [plan.first, 1 - plan.first, *plan.twins]
        self.obstacle.execute(
            "SELECT FROM checkout WHERE checkout_id = %s FOR UPDATE", [asked.name]
        )
        async with asyncio.TaskGroup() as group:
            posts = []
            for n, side in enumerate(runners):
                ledger = self.ledgers[side if n < 2 else 1 - side]
                posts.append(group.create_task(last_word(ledger, deeds[side])))
                await self._waits(n + 1)
            self.obstacle.rollback()
        return _by_side(runners, [post.result() for post in posts])

    async def in_one_batch(self, asked: Asked) -> list[set[str]]:
        """Post all in one transaction, each side's in its order."""
        plan, deeds = asked.plan, asked.deeds
        runners = [plan.first, 1 - plan.first, *plan.twins]
        left = [(side, list(deeds[side])) for side in runners]
        if any(len(some) > 1 for _, some in left):
            Random(plan.seed).shuffle(left)
        batch = [(side, some.pop(0)) for side, some in left]
        batch += [(side, deed) for side, some in left for deed in some]
        ledger = self.ledgers[plan.cut_of]
        answers = await ledger.post_batch([deed for _, deed in batch])
        words: dict[int, list[str]] = {0: [], 1: []}
        for (side, deed), answer in zip(batch, answers, strict=True):
            if deed == deeds[side][-1]:
                words[side].append(answer.error.code if answer.error else "done")
        return [set(words[0]), set(words[1])]

    async def _waits(self, sessions: int) -> None:
        """Return once that many wait for a lock."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while int(self.shop.database.value(_WAITING)) < sessions:
                await asyncio.sleep(0.0005)


MEETINGS = {
    Meeting.AT_ONCE: Track.at_once,
    Meeting.IN_LINE: Track.in_line,
    Meeting.ONE_BATCH: Track.in_one_batch,
}


def name_of(race: Race, plan: Plan) -> str:
    """Name the checkout that is raced for."""
    return f"co_{race.name.replace(' ', '-')}_{plan.seed}"


def _only(words: set[str]) -> str:
    """Give the one word a side was told, however often it asked."""
    assert len(words) == 1, words
    return next(iter(words))


def _by_side(runners: Sequence[int], words: Sequence[str]) -> list[set[str]]:
    told: list[set[str]] = [set(), set()]
    for side, word in zip(runners, words, strict=True):
        told[side].add(word)
    return told


async def last_word(ledger: Ledger, deeds: Sequence[Command]) -> str:
    """Post one after the other, each a transaction; say how the last was answered."""
    word = "nothing asked"
    for deed in deeds:
        (answer,) = await ledger.post_batch([deed])
        word = answer.error.code if answer.error else "done"
    return word


@asynccontextmanager
async def track(shop: Shop, port: int) -> AsyncIterator[Track]:
    """Lay the two connections, and put the third beside them."""
    url = shop.database.application_url
    async with (
        wire_to("127.0.0.1", port) as left,
        wire_to("127.0.0.1", port) as right,
        another_ledger(shop.database, url=left.url(url)) as mine,
        another_ledger(shop.database, url=right.url(url)) as yours,
    ):
        with psycopg.connect(shop.database.superuser_url) as obstacle:
            yield Track(shop=shop, ledgers=(mine, yours), wires=(left, right), obstacle=obstacle)


def endings_of(database: Database, name: str) -> Endings:
    """Read what each line of a checkout has come to."""
    return {
        f"{sku} {location}": (reserved, ended)
        for sku, location, reserved, ended in database.rows(_ENDINGS, f"{name}/1")
    }


def told(winners: Mapping[Meeting, Counter[str]]) -> str:
    """Say who won how often, and how they had met."""
    whole = sum(winners.values(), Counter[str]())
    each = "; ".join(f"{meeting}: {_counted(some)}" for meeting, some in winners.items() if some)
    return f"{_counted(whole)} ({each})"


def _counted(some: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in sorted(some.items()))


_WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
_ENDINGS = """
SELECT sku, location, count(*) FILTER (WHERE kind = 'reserve'),
       coalesce(array_agg(kind) FILTER (WHERE kind <> 'reserve'), '{}')
FROM movement
WHERE cause_kind = 'reservation' AND cause_id = %s
GROUP BY sku, location
"""
