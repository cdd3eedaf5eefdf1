"""Waiting for a step to its end, whoever cancels the workflow meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def undivided(
    step: Callable[[], Coroutine[Any, Any, Result]], on_cancel: Callable[[], None]
) -> Result:
    """Run `step` to its end; a cancel that comes in between is told to `on_cancel` and waits.

    Takes a function: a coroutine that eviction left un-awaited would warn. Cache eviction cancels
    the step's own task as well; that one is let through, and the SDK refuses new commands then.
    """
    task = asyncio.create_task(step())
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            on_cancel()
    return task.result()
