"""A step under way runs to its end, whoever cancels."""

from __future__ import annotations

import asyncio

import pytest

from workflows.undivided import undivided


class SlowStep:
    """A step that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.told_to_end = asyncio.Event()
        self.cancels = 0

    async def __call__(self) -> str:
        """Run."""
        self.begun.set()
        await self.told_to_end.wait()
        return "done"

    def cancelled(self) -> None:
        """Note a cancel."""
        self.cancels += 1


async def test_its_answer_comes_through() -> None:
    """Without a cancel it is as if it had been awaited."""
    step = SlowStep()
    step.told_to_end.set()

    assert await undivided(step, step.cancelled) == "done"
    assert step.cancels == 0


@pytest.mark.parametrize("times", [1, 2])
async def test_a_cancel_is_told_and_waits(times: int) -> None:
    """The step ends first, and its answer is not lost."""
    step = SlowStep()
    story = asyncio.create_task(undivided(step, step.cancelled))
    await step.begun.wait()
    for _ in range(times):
        story.cancel()
        await asyncio.sleep(0)

    step.told_to_end.set()

    assert await story == "done"
    assert step.cancels == times


async def test_a_cancel_in_the_moment_the_step_ends_is_told_too() -> None:
    """Neither is lost."""
    step = SlowStep()
    story = asyncio.create_task(undivided(step, step.cancelled))
    await step.begun.wait()
    step.told_to_end.set()
    await asyncio.sleep(0)

    story.cancel()

    assert await story == "done"
    assert step.cancels == 1


async def test_what_goes_wrong_in_it_comes_through() -> None:
    """A bug must suspend the story, not vanish."""

    async def broken() -> None:
        message = "broken"
        raise ValueError(message)

    with pytest.raises(ValueError, match="broken"):
        await undivided(broken, lambda: None)


async def test_a_step_that_is_itself_cancelled_ends_the_wait() -> None:
    """As cache eviction does, which cancels every task there is."""
    tasks: list[asyncio.Task[object]] = []

    async def evicted() -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        await asyncio.Event().wait()

    story = asyncio.create_task(undivided(evicted, lambda: None))
    while not tasks:
        await asyncio.sleep(0)
    tasks[0].cancel()

    with pytest.raises(asyncio.CancelledError):
        await story
