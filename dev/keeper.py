"""Keeps one child running: starts it, waits until it is ready, and starts it again when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from dev.child import HASTY, ChildSpec, ending, sweep_group
from dev.errors import DevError, DidNotStartError
from dev.processes import ProcessIdentity, identify

POLL_SECONDS = 0.05
FIRST_ATTEMPTS = 3
"""A child that ends this often before it was ever ready is not going to start."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long to wait before a child that ended is started again."""

    first_seconds: float = 0.1
    longest_seconds: float = 5.0
    forgiven_after_seconds: float = 10.0
    """Having lived this long, the next wait is the first one again."""

    def next(self, waited: float, lived: float) -> float:
        """Give the wait after one of `waited` seconds and a life of `lived` seconds."""
        if waited == 0 or lived >= self.forgiven_after_seconds:
            return self.first_seconds
        return min(2 * waited, self.longest_seconds)


class Keeper:
    """One child and its lives. Run it on the event loop of a thread that lives as long as it."""

    def __init__(
        self,
        spec: ChildSpec,
        *,
        changed: Callable[[], None],
        report: Callable[[str], None],
        back_off: BackOff,
    ) -> None:
        """Keep `spec`; `changed` is called at every start and end, `report` gets sentences."""
        self.spec = spec
        self.identity: ProcessIdentity | None = None
        self._changed = changed
        self._report = report
        self._back_off = back_off
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._lives = 0
        self._last_ending = ""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it and return when it is ready.

        Raises: DidNotStartError, and whatever its `prepare` raises.
        """
        self._task = asyncio.create_task(self._live(), name=self.spec.name)
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                {self._task, ready},
                timeout=self.spec.start_deadline_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            ready.cancel()
        if self._task.done():
            self._task.result()
        if not self._ready.is_set():
            raise DidNotStartError(self._why_not())

    async def stop(self) -> None:
        """End it for good; returns when it is gone."""
        self._stopping.set()
        if self._task is not None:
            # What it failed of, `start` has told.
            await asyncio.gather(self._task, return_exceptions=True)

    def hurry(self) -> None:
        """Shorten a stop under way."""
        self._hurry.set()

    async def _live(self) -> None:
        waited = 0.0
        while not self._stopping.is_set():
            born = time.monotonic()
            await self._one_life()
            self._lives += 1
            if self._stopping.is_set() or self._is_hopeless():
                return
            waited = self._back_off.next(waited, time.monotonic() - born)
            self._report(f"{self.spec.name} ended ({self._last_ending}); starting it again.")
            await _first_of(self._stopping, seconds=waited)

    def _is_hopeless(self) -> bool:
        return self._lives >= FIRST_ATTEMPTS and not self._ready.is_set()

    async def _one_life(self) -> None:
        await self._prepare()
        if self._stopping.is_set():
            return
        process = await self._spawn()
        probing = asyncio.create_task(self._probe())
        exited = asyncio.create_task(process.wait())
        try:
            await _first_of(self._stopping, exited)
            if not exited.done():
                await self._end(process, exited)
            self._last_ending = ending(await exited)
        finally:
            probing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await probing
            sweep_group(process.pid)
            self._is_now(None)

    async def _prepare(self) -> None:
        try:
            await asyncio.to_thread(self.spec.prepare)
        except (OSError, DevError) as error:
            if not self._ready.is_set():
                raise
            self._report(f"{self.spec.name} cannot be started again yet: {error}")

    async def _spawn(self) -> Process:
        with self.spec.open_log() as log:
            process = await asyncio.create_subprocess_exec(
                *self.spec.tethered_command(),
                env=dict(self.spec.environment),
                cwd=self.spec.directory,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                start_new_session=True,  # A Ctrl-C at the terminal is for the supervisor alone.
            )
        self._is_now(identify(process.pid))
        return process

    async def _probe(self) -> None:
        started = datetime.now(UTC)
        while not await asyncio.to_thread(self.spec.ready, started):
            await asyncio.sleep(POLL_SECONDS)
        self._ready.set()

    async def _end(self, process: Process, exited: asyncio.Task[int]) -> None:
        _signal(process, self.spec.stop_signal)
        await _first_of(self._hurry, exited, seconds=self.spec.stop_grace_seconds)
        if not exited.done() and self.spec.stop_signal in HASTY:
            _signal(process, HASTY[self.spec.stop_signal])
            await asyncio.wait({exited}, timeout=5)
        if not exited.done():
            process.kill()

    def _is_now(self, identity: ProcessIdentity | None) -> None:
        self.identity = identity
        self._changed()

    def _why_not(self) -> str:
        spec = self.spec
        how = f" ({self._last_ending})" if self._last_ending else ""
        words = spec.last_words()
        told = f" It said:\n{words}" if words else ""
        return f"{spec.name} did not start{how}; its log is {spec.log}.{told}"


def _signal(process: Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


async def _first_of(
    event: asyncio.Event, *tasks: asyncio.Task[int], seconds: float | None = None
) -> None:
    """Wait for the event, one of the tasks (which go on), or the time to pass."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({waiting, *tasks}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
