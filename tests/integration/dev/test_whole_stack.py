"""The real stack comes up, outlives the death of any of its processes, and leaves nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from dev.errors import AlreadyRunningError
from dev.probes import answers_ok
from dev.processes import identify
from dev.runtime import Runtime, read_runtime
from dev.stack_process import started_stack
from tests.integration.dev.waiting import eventually


def now(state: Path) -> Runtime:
    runtime = read_runtime(state)
    assert runtime is not None
    return runtime


def replaced(state: Path, name: str) -> None:
    """Kill it and wait for its successor."""
    before = list(now(state).pids[name])
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: now(state).pids[name] not in ([], before))


@pytest.mark.proof(only=True)
def test_whatever_is_killed_comes_back_at_the_same_address(tmp_path: Path) -> None:
    """Fault tests kill each in turn, and hold on to the addresses they were told."""
    state = tmp_path / "state"
    with started_stack(state) as stack:
        assert answers_ok(f"{stack.api}/readyz")
        for name in ("postgres", "temporal", "payments", "worker", "api"):
            replaced(state, name)
        eventually(lambda: answers_ok(f"{stack.api}/readyz"), deadline_seconds=60)
        assert now(state).api == stack.api
        everyone = [identify(pid) for pids in now(state).pids.values() for pid in pids]
        with pytest.raises(AlreadyRunningError), started_stack(state):
            pass
    assert not any(process and process.is_living() for process in everyone)
