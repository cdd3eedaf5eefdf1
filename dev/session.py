"""One session of a stack: its steps carried out in order, kept, written down, and ended on a signal."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from dev.child import ChildSpec
from dev.control import describe_holder
from dev.errors import AlreadyRunningError
from dev.leftovers import end_leftovers
from dev.processes import identify
from dev.runtime import SUPERVISOR, Processes, Runtime, pids_of, write_record
from dev.state import StateDirectory
from dev.supervisor import Supervisor

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Step = ChildSpec | Callable[[], None]
"""A child to start and await, or something to do once before the next one."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What to run and what to tell of it."""

    steps: Sequence[Step]
    runtime: Runtime


def run_session(
    state: StateDirectory,
    make: Callable[[], Stack],
    *,
    fresh: bool = False,
    announce: Callable[[Runtime], None],
    report: Callable[[str], None],
) -> None:
    """Claim the state, clear what a killed session left, and keep a stack until a stop signal.

    Call it on the main thread. `make` runs when the state is ours. Raises: DevError.
    """
    with _claimed(state):
        end_leftovers(state)
        if fresh:
            state.empty()
        state.make_rooms()
        asyncio.run(keep_stack(state, make(), announce=announce, report=report))


@contextmanager
def _claimed(state: StateDirectory) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(state.claimed())
        except AlreadyRunningError:
            raise AlreadyRunningError(describe_holder(state)) from None
        yield


async def keep_stack(
    state: StateDirectory,
    stack: Stack,
    *,
    announce: Callable[[Runtime], None],
    report: Callable[[str], None],
) -> None:
    """Bring the stack up, announce it once, and keep it until a stop signal; call it on the main thread.

    The state must be claimed. Raises: DidNotStartError, and whatever a step raises.
    """
    session = _Session(state, stack.runtime, report)
    with _stop_signals(session.stop_signal):
        boot = asyncio.create_task(session.boot(stack.steps))
        try:
            await session.until_stopped_or(boot)
            if boot.done():
                boot.result()
                announce(session.ready())
                await session.stopping.wait()
        finally:
            await session.end(boot)


class _Session:
    """The state of one session, and the only writer of its record."""

    def __init__(
        self, state: StateDirectory, runtime: Runtime, report: Callable[[str], None]
    ) -> None:
        self.stopping = asyncio.Event()
        self._state = state
        self._told = runtime
        self._report = report
        self._runtime: Runtime | None = None
        self._own = identify(os.getpid())
        self._supervisor = Supervisor(changed=self._write, report=report)
        self._write({})

    async def boot(self, steps: Sequence[Step]) -> None:
        """Carry out the steps."""
        for step in steps:
            if isinstance(step, ChildSpec):
                await self._supervisor.start(step)
            else:
                await asyncio.to_thread(step)

    def ready(self) -> Runtime:
        """Let the record tell everything from now on."""
        self._runtime = self._told
        self._write(self._supervisor.processes())
        return replace(self._told, pids=pids_of(self._with_self(self._supervisor.processes())))

    def stop_signal(self) -> None:
        """End at the first call, hurry at the next."""
        if self.stopping.is_set():
            self._supervisor.hurry()
        self.stopping.set()

    async def until_stopped_or(self, boot: asyncio.Task[None]) -> None:
        """Wait for a stop signal or the end of the boot."""
        stopped = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({boot, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()

    async def end(self, boot: asyncio.Task[None]) -> None:
        """End what runs and remove the record."""
        boot.cancel()
        await asyncio.gather(boot, return_exceptions=True)
        await self._supervisor.stop()
        self._state.record.unlink(missing_ok=True)

    def _write(self, processes: Processes) -> None:
        try:
            write_record(self._state.record, self._with_self(processes), self._runtime)
        except OSError as error:  # A full disk must not end what still runs.
            self._report(f"The record of this stack cannot be written: {error}")

    def _with_self(self, processes: Processes) -> Processes:
        return {SUPERVISOR: [self._own] if self._own else [], **processes}


@contextmanager
def _stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    # One that the caller had ignored, as `nohup` does, stays ignored.
    heard = [number for number in STOP_SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
