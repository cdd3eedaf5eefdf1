"""`onhand dev` as a thing that a test may start, kill and stop, with every process it ever had accounted for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dev.ports import choose_ports
from dev.private_file import write_private_json
from dev.processes import PROC, ProcessIdentity, identify, wait_until_gone
from dev.runtime import SUPERVISOR, Runtime, read_runtime
from dev.stack_process import started_stack
from dev.state import StateDirectory

PROGRAM = Path(sys.executable).with_name("onhand")
PORTS = ("api", "temporal_ui", "temporal", "postgres", "payments")
GOING_SECONDS = 20.0
"""How long those that were told to end by the death of their supervisor may take."""
HASTY = {
    "DATABASE_URL": "",  # always a Postgres of its own: some tests kill it
    "ONHAND_START_TO_CLOSE_SECONDS": "2",
    "ONHAND_STICKY_SCHEDULE_TO_START_SECONDS": "1",
    "ONHAND_REAPER_INTERVAL_SECONDS": "1",
    "ONHAND_REAPER_GRACE_SECONDS": "2",
    "ONHAND_ORPHAN_INTERVAL_SECONDS": "0.5",
    "ONHAND_ORPHAN_GRACE_SECONDS": "1",
}
"""A killed worker costs its timeouts, so they are short."""


class Stack:
    """One state directory, and the stack on it while there is one. Its addresses stay the same over its lives."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._life = ExitStack()
        state = StateDirectory(place)
        with state.claimed():
            # Never the usual ports: several of these may run on one machine.
            write_private_json(state.ports, choose_ports(dict.fromkeys(PORTS), {}))

    @property
    def runtime(self) -> Runtime:
        """Addresses, keys, and the process ids of this moment."""
        runtime = read_runtime(self.place)
        assert runtime is not None, "it does not run"
        return runtime

    @property
    def is_running(self) -> bool:
        """Tell whether it is up."""
        return read_runtime(self.place) is not None

    @property
    def said(self) -> str:
        """What `onhand dev` printed over all its lives."""
        return self.place.with_name(f"{self.place.name}.log").read_text()

    def start(self) -> None:
        """Start it, unless it runs; returns when everything is ready."""
        if not self.is_running:
            self._life.close()
            self._life.enter_context(started_stack(self.place, environment=HASTY))

    def announced(self) -> dict[str, Any]:
        """Read the newest line of `--json`."""
        lines = [line for line in self.said.splitlines() if line.startswith("{")]
        newest: dict[str, Any] = json.loads(lines[-1])
        return newest

    def pid(self, name: str) -> int | None:
        """Give the process of that name, if one lives at this moment."""
        return next(iter(self.runtime.pids[name]), None)

    def kill(self, name: str) -> int:
        """Kill one of its processes as a crash would; give its id."""
        (pid,) = self.runtime.pids[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_supervisor(self) -> set[ProcessIdentity]:
        """Kill `onhand dev` itself, with no chance to end anything; give who outlived it for long."""
        everyone = self._processes()
        self.kill(SUPERVISOR)
        self._life.close()
        wait_until_gone(list(everyone), deadline_seconds=GOING_SECONDS)
        return self._processes()

    def stop(self) -> set[ProcessIdentity]:
        """End it from outside, as a person would; give who is left when the command returns."""
        stopped = self.run("dev", "--stop")
        assert stopped.returncode == 0, stopped.stderr
        self._life.close()
        return self._processes()

    def _processes(self) -> set[ProcessIdentity]:
        """Find whoever works for it, named by `--json` or not."""
        named = [pid for group in self.announced()["pids"].values() for pid in group]
        found = {process for process in map(identify, named) if process}
        return found | set(processes_of(self.place))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an `onhand` command that speaks of this stack."""
        return onhand(*arguments, ONHAND_STATE_DIR=str(self.place))

    def close(self) -> None:
        """End it, unless it ended."""
        self._life.close()


def onhand(
    *arguments: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run an `onhand` command to its end."""
    return subprocess.run(
        [str(PROGRAM), *arguments],
        cwd=cwd,
        env={**os.environ, **HASTY, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


def processes_of(place: Path) -> list[ProcessIdentity]:
    """Find the processes that were given this state directory, or work inside it (on Linux)."""
    if sys.platform != "linux":
        return []
    pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
    found = [identify(pid) for pid in pids if pid != os.getpid() and _works_for(pid, place)]
    return [process for process in found if process]


def _works_for(pid: int, place: Path) -> bool:
    entry, given = PROC / str(pid), f"ONHAND_STATE_DIR={place}".encode()
    try:
        if given in (entry / "environ").read_bytes().split(b"\0"):
            return True
        return (entry / "cwd").readlink().is_relative_to(place)
    except OSError:  # Gone meanwhile, a kernel thread, or somebody else's.
        return False
