"""The parts of the feed that need no database: ages, what is cached, and who is told."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from api.availability.answers import answer_of, is_late, names
from api.availability.entries import Entries
from api.availability.freshness import Freshness
from api.availability.listeners import Listener
from api.availability.shared_reads import SharedReads
from api.availability.views import View
from api.serving import allow_connections
from ledger.errors import Transient
from projections.availability.hearing import Anew, Changed, Fresh, read_news
from projections.availability.reading import Entry
from projections.notices import sku_words

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
BUDGET_MS = 2_000


def lamp(available: int = 3, *, doubted: bool = False) -> Entry:
    return Entry(sku="LAMP", available=available, version=1, doubted=doubted)


@pytest.mark.parametrize(
    ("now", "age_ms", "late"),
    [(10.0, 500, False), (11.5, 2_000, False), (11.5004, 2_001, True), (9.0, 500, False)],
    ids=["as it was heard", "to the budget", "a breath past it", "never younger"],
)
def test_an_age_is_what_it_was_when_heard_and_the_time_since(
    now: float, age_ms: int, *, late: bool
) -> None:
    """Rounded up, so that nothing past the budget is said to be within it."""
    freshness = Freshness(as_of=MOMENT, age_seconds=0.5, heard_at=10.0)
    assert freshness.age_ms(now) == age_ms
    assert is_late(freshness, now, BUDGET_MS) is late
    answer = answer_of(lamp(), freshness, now, BUDGET_MS)
    assert (answer.in_stock, answer.confirmed_at_checkout) == (
        (None, True) if late else (True, False)
    )


def test_what_nobody_told_the_age_of_is_late() -> None:
    """The number is shown, and not relied on."""
    answer = answer_of(lamp(), None, 0.0, BUDGET_MS)
    assert (answer.available, answer.in_stock, answer.confirmed_at_checkout) == (3, None, True)
    assert (answer.as_of, answer.age_ms) == (None, None)


def test_doubt_is_not_a_matter_of_age() -> None:
    """An event about it could not be heeded."""
    freshness = Freshness(as_of=MOMENT, age_seconds=0.0, heard_at=0.0)
    assert answer_of(lamp(doubted=True), freshness, 0.0, BUDGET_MS).in_stock is None


def test_what_changed_while_it_was_read_is_not_kept() -> None:
    """Nor what was read while the line came or went."""
    entries = Entries(10)
    entries.begin(["LAMP"])
    entries.keep([lamp()])
    assert entries.get("LAMP") is None, "closed"
    entries.open()
    entries.begin(["LAMP"])
    entries.keep([lamp()])
    assert entries.get("LAMP") == lamp()
    voids: list[Callable[[], None]] = [lambda: entries.void(["LAMP"]), entries.open, entries.close]
    for void in voids:
        entries.open()
        entries.begin(["LAMP"])
        void()
        entries.keep([lamp()])
        assert entries.get("LAMP") is None


@pytest.mark.parametrize(
    ("held", "same"),
    [
        (None, False),
        ("*", True),
        ('W/"a"', True),
        ('"a"', True),
        ('"b", W/"a"', True),
        ('"b,a"', False),
        ("a", False),
        ('"*"', False),
        ('W/"ab"', False),
    ],
)
def test_tags_are_compared_weakly_and_as_wholes(held: str | None, *, same: bool) -> None:
    assert names(held, 'W/"a"') is same


def test_news_is_read_as_it_is_sent() -> None:
    """And what is not understood may mean anything."""
    assert [read_news(words) for words in sku_words(["A", "B-1_c"])] == [Changed(("A", "B-1_c"))]
    assert read_news("as_of 120 2026-01-01T00:00:00+00:00") == Fresh(MOMENT, 0.12)
    for words in ("reset", "", "as_of", "as_of 1", "as_of x 2026-01-01", "sold LAMP"):
        assert read_news(words) == Anew()


async def test_a_listener_takes_each_sku_once() -> None:
    """What came again meanwhile is looked up once; it ends when it is told to."""
    listener = Listener(["LAMP", "VASE", "LAMP"])
    for _ in range(1_000):
        listener.tell("LAMP")
    assert (listener.skus, listener.pending) == (("LAMP", "VASE"), 1)
    assert await listener.take() == ("LAMP",)
    assert await listener.take(0.001) == ()
    listener.end()
    assert (await listener.take(), listener.ended) == ((), True)


async def test_readers_share_the_next_query_and_its_failure() -> None:
    """One is under way; those who come meanwhile are asked for together, and one who went away harms nobody."""
    asked: list[Sequence[str]] = []
    going = asyncio.Event()

    async def read(skus: Sequence[str]) -> View:
        asked.append(skus)
        await going.wait()
        if "GONE" in skus:
            raise Transient("busy")
        return View(live=True, freshness=None, entries={})

    reads = SharedReads(read)
    first = asyncio.create_task(reads.ask(["LAMP"]))
    await asyncio.sleep(0)
    others = [asyncio.create_task(reads.ask([sku])) for sku in ("VASE", "GONE", "VASE", "LAMP")]
    await asyncio.sleep(0)
    others[0].cancel()
    await asyncio.sleep(0)
    going.set()
    assert (await first).live
    answers = await asyncio.gather(*others, return_exceptions=True)
    assert [type(answer) for answer in answers] == [
        asyncio.CancelledError,
        Transient,
        Transient,
        Transient,
    ]
    assert [list(skus) for skus in asked] == [["LAMP"], ["GONE", "VASE", "LAMP"]]
    assert (await reads.ask(["LAMP"])).live


def test_a_process_that_keeps_streams_may_open_more_files() -> None:
    """As many as are wanted, as far as the hard limit goes; what is enough stays."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for wanted, allowed in ((700, 700), (most + 1, most), (100, 600)):
            resource.setrlimit(resource.RLIMIT_NOFILE, (600, most))
            allow_connections(wanted)
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (allowed, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
