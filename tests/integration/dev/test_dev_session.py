"""A session of the stack: announced, written down, and gone without a trace of processes."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.control import running_stack, stop_stack
from dev.errors import NotRunningError
from dev.leftovers import end_leftovers
from dev.processes import ProcessIdentity, identify
from dev.runtime import read_runtime, write_record
from dev.state import StateDirectory
from tests.integration.dev.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).with_name("lamp_stack.py")


@dataclass(frozen=True)
class Session:
    """One that runs, and what it announced."""

    process: subprocess.Popen[str]
    told: dict[str, Any]

    def everyone(self) -> list[ProcessIdentity]:
        """Its processes, itself among them."""
        found = [identify(pid) for pids in self.told["pids"].values() for pid in pids]
        return [process for process in found if process]


def start(state: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(state), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def session(state: Path, *options: str) -> Iterator[Session]:
    with start(state, *options) as process:
        try:
            assert process.stdout is not None
            yield Session(process, json.loads(process.stdout.readline()))
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_everything_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, a service's stop, and a closed terminal are one and the same."""
    with session(tmp_path / "state") as running:
        everyone = running.everyone()
        assert len(everyone) == 3
        running.process.send_signal(number)
        assert running.process.wait(20) == 0
        assert running.process.stderr is not None
        assert running.process.stderr.read() == ""
    assert not any(process.is_living() for process in everyone)
    assert not (tmp_path / "state" / "stack.json").exists()


def test_a_killed_supervisor_leaves_nothing(tmp_path: Path) -> None:
    """Nobody is left to end its children but the kernel."""
    with session(tmp_path / "state") as running:
        everyone = running.everyone()
        running.process.kill()
    eventually(lambda: not any(process.is_living() for process in everyone))
    assert read_runtime(tmp_path / "state") is None


def test_after_a_kill_the_next_one_starts(tmp_path: Path) -> None:
    """The kernel took the lock back; the record it left is nobody's."""
    with session(tmp_path / "state") as running:
        running.process.kill()
    with session(tmp_path / "state") as running:
        assert len(running.everyone()) == 3


def test_what_a_killed_session_left_is_ended_before_anything_starts(tmp_path: Path) -> None:
    """Where the kernel does not end it, two engines would write one file."""
    state = StateDirectory(tmp_path / "state")
    with subprocess.Popen(["/bin/sleep", "600"]) as left, state.claimed():
        living = identify(left.pid)
        assert living is not None
        write_record(state.record, {"temporal": [living]}, None)
        end_leftovers(state, patience_seconds=0.1)
        assert left.wait(10) == -signal.SIGTERM


def test_a_process_that_only_inherited_an_id_is_left_alone(tmp_path: Path) -> None:
    """The record names its processes by id and start."""
    state = StateDirectory(tmp_path / "state")
    with subprocess.Popen(["/bin/sleep", "600"]) as stranger, state.claimed():
        write_record(state.record, {"temporal": [ProcessIdentity(stranger.pid, "earlier")]}, None)
        end_leftovers(state)
        assert identify(stranger.pid) is not None
        stranger.kill()


def test_a_second_start_is_refused_and_names_the_first(tmp_path: Path) -> None:
    """With its id and its address, so that one can go there."""
    with session(tmp_path / "state") as running, start(tmp_path / "state") as second:
        told = second.communicate(timeout=20)[1]
        assert second.returncode == 1
        assert f"pid {running.process.pid}" in told
        assert "http://127.0.0.1:1" in told
        assert len(running.everyone()) == 3


def test_fresh_is_refused_while_one_runs(tmp_path: Path) -> None:
    """It would pull the floor away."""
    with session(tmp_path / "state"):
        kept = tmp_path / "state" / "temporal" / "file"
        kept.touch()
        with start(tmp_path / "state", "--fresh") as second:
            assert second.wait(20) == 1
        assert kept.exists()


def test_fresh_empties_the_state(tmp_path: Path) -> None:
    """And the session that did it is usable."""
    state = StateDirectory(tmp_path / "state")
    with state.claimed():
        state.make_rooms()
        (state.temporal / "file").touch()
    with session(state.path, "--fresh"):
        assert not (state.temporal / "file").exists()


def test_the_state_tells_its_processes_of_this_moment(tmp_path: Path) -> None:
    """After restarts too."""
    state = tmp_path / "state"
    with session(state) as running:
        lamp = running.told["pids"]["lamp"]
        os.kill(lamp[0], signal.SIGKILL)

        def restarted() -> bool:
            runtime = read_runtime(state)
            return runtime is not None and runtime.pids["lamp"] not in ([], lamp)

        eventually(restarted)


def test_stop_returns_when_everything_is_gone(tmp_path: Path) -> None:
    """So that a script may start the next one at once."""
    with session(tmp_path / "state") as running:
        everyone = running.everyone()
        stop_stack(StateDirectory(tmp_path / "state"))
        assert not any(
            process.is_living() for process in everyone if process.pid != running.process.pid
        )
        assert running.process.wait(10) == 0


def test_nothing_is_told_of_a_stack_that_does_not_run(tmp_path: Path) -> None:
    """Neither of one that never did, nor of one that ended."""
    state = StateDirectory(tmp_path / "state")
    with pytest.raises(NotRunningError):
        running_stack(state)
    with session(state.path) as running:
        running.process.terminate()
        running.process.wait(20)
    with pytest.raises(NotRunningError):
        stop_stack(state)


def test_the_state_is_its_owners_alone_and_not_for_git(tmp_path: Path) -> None:
    """It holds passwords."""
    with session(tmp_path / "state"):
        state = tmp_path / "state"
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert (state / ".gitignore").read_text() == "*\n"
        assert stat.S_IMODE((state / "stack.json").stat().st_mode) == 0o600
