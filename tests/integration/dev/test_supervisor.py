"""The supervisor keeps what it started and ends what it kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dev.child import ChildSpec
from dev.errors import DidNotStartError
from dev.keeper import BackOff
from dev.processes import ProcessIdentity, identify
from dev.supervisor import Supervisor
from tests.integration.dev.waiting import eventually_here

HASTY = BackOff(first_seconds=0.01, longest_seconds=0.05)
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
PARENT = "import subprocess, time; print(subprocess.Popen(['/bin/sleep', '600']).pid, flush=True); time.sleep(600)"


class Watched:
    """A supervisor and everything it said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.changes = 0
        self.supervisor = Supervisor(
            changed=lambda _processes: self._count(), report=self.said.append, back_off=HASTY
        )

    def _count(self) -> None:
        self.changes += 1

    def one(self, name: str) -> ProcessIdentity | None:
        """Who has this name now."""
        return next(iter(self.supervisor.processes()[name]), None)


@asynccontextmanager
async def watched() -> AsyncIterator[Watched]:
    watching = Watched()
    try:
        yield watching
    finally:
        watching.supervisor.hurry()
        await watching.supervisor.stop()


def child(tmp_path: Path, name: str = "lamp", *command: str) -> ChildSpec:
    return ChildSpec(
        name=name,
        command=command or ("/bin/sleep", "600"),
        environment=dict(os.environ),
        log=tmp_path / f"{name}.log",
        stop_grace_seconds=5,
    )


async def test_what_dies_is_started_again_and_said(tmp_path: Path) -> None:
    """With the ids of this moment, or --status would point at the dead."""
    async with watched() as watching:
        await watching.supervisor.start(child(tmp_path))
        first = watching.one("lamp")
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        await eventually_here(lambda: watching.one("lamp") not in {None, first})
        assert watching.said == ["lamp ended (SIGKILL); starting it again."]


async def test_it_is_started_again_as_often_as_it_dies(tmp_path: Path) -> None:
    """Once it was ready, no number of deaths is too many."""
    async with watched() as watching:
        await watching.supervisor.start(child(tmp_path))
        for _ in range(6):
            last = watching.one("lamp")
            assert last is not None
            os.kill(last.pid, signal.SIGTERM)
            await eventually_here(
                lambda last=last: watching.one("lamp") not in {None, last}  # type: ignore[misc]
            )


async def test_the_second_waits_until_the_first_is_ready(tmp_path: Path) -> None:
    """The API must not meet a database without its schema."""
    sign = tmp_path / "ready"
    slow = replace(child(tmp_path, "lamp"), ready=lambda _started: sign.exists())
    async with watched() as watching:
        first = asyncio.create_task(watching.supervisor.start(slow))
        await eventually_here(lambda: watching.changes)
        assert not first.done()
        sign.touch()
        await first
        await watching.supervisor.start(child(tmp_path, "shade"))
        assert list(watching.supervisor.processes()) == ["lamp", "shade"]


async def test_what_never_starts_is_told_with_its_last_words(tmp_path: Path) -> None:
    """A wrong setting must not look like a slow start."""
    complaint = child(tmp_path, "lamp", "/bin/sh", "-c", "echo no bulb; exit 2")
    never = replace(complaint, ready=lambda _started: False)
    async with watched() as watching:
        with pytest.raises(DidNotStartError, match=r"(?s)exit status 2.*no bulb"):
            await watching.supervisor.start(never)


async def test_what_is_never_ready_is_told_too(tmp_path: Path) -> None:
    """It runs, so its end cannot be waited for."""
    never = replace(child(tmp_path), ready=lambda _started: False, start_deadline_seconds=0.2)
    async with watched() as watching:
        with pytest.raises(DidNotStartError, match="did not start"):
            await watching.supervisor.start(never)


async def test_stop_ends_the_youngest_first(tmp_path: Path) -> None:
    """The API goes before the database it uses."""
    endings: list[list[str]] = []
    supervisor = Supervisor(
        changed=lambda now: endings.append([name for name, found in now.items() if found]),
        report=endings.append,  # type: ignore[arg-type]
    )
    for name in ("database", "api"):
        await supervisor.start(child(tmp_path, name))
    await supervisor.stop()
    assert endings == [["database"], ["database", "api"], ["database"], []]


async def test_one_that_is_deaf_to_its_stop_signal_is_killed(tmp_path: Path) -> None:
    """Otherwise a hanging child keeps the terminal."""
    deaf = replace(child(tmp_path, "lamp", sys.executable, "-c", DEAF), stop_grace_seconds=0.2)
    listening = replace(deaf, ready=lambda _started: deaf.last_words() == "1")
    async with watched() as watching:
        await watching.supervisor.start(listening)
        pid = watching.one("lamp")
        await watching.supervisor.stop()
        assert pid is not None
        assert not pid.is_living()


async def test_what_a_child_started_itself_ends_with_it(tmp_path: Path) -> None:
    """A server's own workers are nobody else's to end."""
    spec = child(tmp_path, "lamp", sys.executable, "-c", PARENT)
    speaking = replace(spec, ready=lambda _started: bool(spec.last_words()))
    async with watched() as watching:
        await watching.supervisor.start(speaking)
        grandchild = identify(int(spec.last_words()))
        assert grandchild is not None
        await watching.supervisor.stop()
        await eventually_here(lambda: not grandchild.is_living())


async def test_a_stop_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    """A person who sees a mistake presses Ctrl-C before everything is up."""
    never = replace(child(tmp_path), ready=lambda _started: False)
    async with watched() as watching:
        start = asyncio.create_task(watching.supervisor.start(never))
        await eventually_here(lambda: watching.changes)
        process = watching.one("lamp")
        start.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await start
        await watching.supervisor.stop()
        assert process is not None
        assert not process.is_living()


async def test_a_large_log_is_started_over(tmp_path: Path) -> None:
    """Nobody empties the logs of a dev stack."""
    spec = child(tmp_path, "lamp", "/bin/sh", "-c", "echo lit; sleep 600")
    spec.log.write_bytes(b"x" * (20 * 1024 * 1024 + 1))
    async with watched() as watching:
        await watching.supervisor.start(spec)
        await eventually_here(lambda: spec.log.read_text() == "lit\n")
