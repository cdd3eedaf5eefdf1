"""The queue before the posting function, with numbers for commands: who is grouped with whom, in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from ledger.errors import Broken, Transient
from ledger.group_commit import GroupCommit


@dataclass(kw_only=True)
class Counter:
    """Answers each number with its double, once the shutter is up; remembers what came together."""

    batches: list[list[int]] = field(default_factory=list)
    shutter: asyncio.Event = field(default_factory=asyncio.Event)
    broken: Exception | None = None

    async def post_together(self, numbers: Sequence[int]) -> list[int]:
        """Answer all, or none."""
        self.batches.append(list(numbers))
        await self.shutter.wait()
        if self.broken is not None:
            raise self.broken
        return [2 * number for number in numbers]


@pytest.fixture
def counter() -> Counter:
    return Counter()


async def turns(count: int = 5) -> None:
    """Let everybody who is awake go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_lone_one_is_posted_at_once(counter: Counter) -> None:
    """Nobody waits for company."""
    post = asyncio.create_task(GroupCommit(counter.post_together).post(1))
    await turns()
    assert counter.batches == [[1]]
    counter.shutter.set()
    assert await post == 2


async def test_what_waits_meanwhile_goes_together_in_the_order_it_came(counter: Counter) -> None:
    """First come, first served, and each its own answer."""
    group = GroupCommit(counter.post_together, posters=1, most_at_once=3)
    first = asyncio.create_task(group.post(0))
    await turns()
    others = [asyncio.create_task(group.post(number)) for number in range(1, 6)]
    await turns()
    counter.shutter.set()
    assert await asyncio.gather(first, *others) == [0, 2, 4, 6, 8, 10]
    assert counter.batches == [[0], [1, 2, 3], [4, 5]]


async def test_those_answered_together_come_back_together(counter: Counter) -> None:
    """A closed loop of callers keeps its batches whole: nobody is posted alone for being the first to return."""
    counter.shutter.set()
    group = GroupCommit(counter.post_together, posters=2)

    async def caller(number: int) -> None:
        for _ in range(3):
            await group.post(number)

    await asyncio.gather(*[caller(number) for number in range(8)])
    assert [len(batch) for batch in counter.batches] == [8, 8, 8]


async def test_free_posters_share_evenly_what_is_worth_sharing(counter: Counter) -> None:
    """One decides while the other commits; below that all goes together, in order."""
    group = GroupCommit(counter.post_together, posters=2)
    posts = [asyncio.create_task(group.post(number)) for number in range(64)]
    await turns()
    assert counter.batches == [list(range(32)), list(range(32, 64))]
    counter.shutter.set()
    assert await asyncio.gather(*posts) == [2 * number for number in range(64)]
    counter.batches.clear()
    await asyncio.gather(*[group.post(number) for number in range(16)])
    assert counter.batches == [list(range(16))]


async def test_no_more_posters_than_allowed(counter: Counter) -> None:
    """Two batches under way, and the rest waits."""
    group = GroupCommit(counter.post_together, posters=2, most_at_once=1)
    posts = [asyncio.create_task(group.post(number)) for number in range(4)]
    await turns()
    posts.append(asyncio.create_task(group.post(4)))
    await turns()
    assert counter.batches == [[0], [1]]
    counter.shutter.set()
    assert await asyncio.gather(*posts) == [0, 2, 4, 6, 8]


async def test_a_full_queue_says_busy_at_once(counter: Counter) -> None:
    """And takes on again when there is room."""
    group = GroupCommit(counter.post_together, posters=1, most_waiting=2)
    waiting = [asyncio.create_task(group.post(0))]
    await turns()
    waiting += [asyncio.create_task(group.post(number)) for number in (1, 2)]
    await turns()
    with pytest.raises(Transient, match="busy"):
        await group.post(3)
    counter.shutter.set()
    assert await asyncio.gather(*waiting) == [0, 2, 4]
    assert await group.post(3) == 6


async def test_a_caller_that_gives_up_while_it_waits_is_not_posted(counter: Counter) -> None:
    """Nobody would hear the answer; the others do not notice."""
    group = GroupCommit(counter.post_together, posters=1)
    under_way = asyncio.create_task(group.post(0))
    await turns()
    gone, stays = (asyncio.create_task(group.post(number)) for number in (1, 2))
    await turns()
    gone.cancel()
    under_way.cancel()
    counter.shutter.set()
    assert await stays == 4
    assert counter.batches == [[0], [2]]
    assert await group.post(5) == 10


async def test_a_failure_is_told_to_all_of_its_batch_and_to_nobody_else(counter: Counter) -> None:
    """Each has an error of its own, so that tracebacks do not pile up on one."""
    group = GroupCommit(counter.post_together)
    counter.broken = Transient("database-unavailable", attempts=5)
    counter.shutter.set()
    told = await asyncio.gather(group.post(1), group.post(2), return_exceptions=True)
    assert [getattr(error, "code", None) for error in told] == ["database-unavailable"] * 2
    assert [getattr(error, "facts", None) for error in told] == [{"attempts": 5}] * 2
    assert told[0] is not told[1]
    counter.broken = None
    assert await group.post(3) == 6


async def test_an_error_of_another_family_is_told_too(counter: Counter) -> None:
    """No caller waits for ever, whatever broke."""
    counter.broken = MemoryError()
    counter.shutter.set()
    with pytest.raises(MemoryError):
        await GroupCommit(counter.post_together).post(1)


async def test_as_many_answers_as_commands_or_nobody_is_answered_wrongly(counter: Counter) -> None:
    """An answer too few must not become somebody else's."""

    async def forgetful(numbers: Sequence[int]) -> list[int]:
        return list(numbers)[1:]

    with pytest.raises(Broken, match="answers-missing"):
        await GroupCommit(forgetful).post(1)


async def test_drained_means_all_answered(counter: Counter) -> None:
    """Whoever closes the pool next takes nothing away from anybody."""
    group = GroupCommit(counter.post_together, posters=1, most_at_once=1)
    await group.drained()
    posts = [asyncio.create_task(group.post(number)) for number in range(3)]
    await turns()
    drained = asyncio.create_task(group.drained())
    await turns()
    assert not drained.done()
    counter.shutter.set()
    await drained
    assert len(counter.batches) == 3
    assert await asyncio.gather(*posts) == [0, 2, 4]


def test_another_event_loop_finds_it_empty() -> None:
    """What an ended loop left behind neither answers nor blocks the next one."""
    counter = Counter()
    group = GroupCommit(counter.post_together, posters=1)

    async def left_behind() -> None:
        posts = [asyncio.create_task(group.post(number)) for number in range(2)]
        await turns()
        assert not any(post.done() for post in posts)

    async def afterwards() -> int:
        counter.shutter = asyncio.Event()
        counter.shutter.set()
        return await group.post(4)

    asyncio.run(left_behind())
    assert asyncio.run(afterwards()) == 8
    assert counter.batches[-1] == [4]
