"""Crowds in processes of their own, kept for the time of a block."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.history.crowd import Report, Wish
from tests.history.record import Post, read_history

ROOT = Path(__file__).parents[2]


@dataclass(kw_only=True)
class Crowd:
    """One process."""

    wish: Wish
    process: asyncio.subprocess.Process

    async def hears(self, line: bytes) -> None:
        """Tell it something."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        await self.process.stdin.drain()

    async def says(self) -> bytes:
        """Wait for a line of it; without one it has failed, and its last words are on our standard error."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        assert line, f"{self.wish.name} ended without a word"
        return line

    async def ended(self) -> tuple[Report, list[Post]]:
        """Wait until its day is over, and read what it wrote down."""
        report = Report(**orjson.loads(await self.says()))
        assert await self.process.wait() == 0
        return report, read_history(Path(self.wish.history))


@asynccontextmanager
async def crowds(wishes: Sequence[Wish]) -> AsyncIterator[list[Crowd]]:
    """Start a process for each, and let them all begin at once."""
    started: list[Crowd] = []
    try:
        for wish in wishes:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.history.crowd",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=ROOT,
            )
            started.append(Crowd(wish=wish, process=process))
        for crowd in started:
            await crowd.hears(orjson.dumps(crowd.wish))
        for crowd in started:
            assert await crowd.says() == b"ready\n"
        for crowd in started:
            await crowd.hears(b"begin")
        yield started
    finally:
        for crowd in started:
            if crowd.process.returncode is None:
                crowd.process.kill()
            await crowd.process.wait()


async def days_of(wishes: Sequence[Wish]) -> tuple[list[Report], list[Post]]:
    """Let them live until they have posted enough."""
    async with crowds(wishes) as started:
        return histories(await asyncio.gather(*(crowd.ended() for crowd in started)))


def histories(days: Sequence[tuple[Report, list[Post]]]) -> tuple[list[Report], list[Post]]:
    """Put what several processes wrote down together."""
    return [report for report, _ in days], [post for _, posts in days for post in posts]
