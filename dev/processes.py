"""Processes of this machine as the kernel tells of them: which live, since when, and how to end one of ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TETHER = Path(__file__).with_name("tether.py")
START_FIELD = 19
"""Place of the start time in /proc/PID/stat, counted after the command's closing bracket."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process for good: its id and its start time, since ids are used again."""

    pid: int
    started: str

    def is_living(self) -> bool:
        """Tell whether this very process still runs; a zombie does not."""
        return started_at(self.pid) == self.started


def identify(pid: int) -> ProcessIdentity | None:
    """Find who has this id now; None when nobody living does."""
    started = started_at(pid)
    return None if started is None else ProcessIdentity(pid, started)


def started_at(pid: int) -> str | None:
    """Give a token that differs between two processes with one id; None for none or a zombie."""
    if sys.platform == "linux":
        return _started_by_proc(pid)
    listing = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = listing.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def end_process(identity: ProcessIdentity, *, first: signal.Signals, grace_seconds: float) -> None:
    """Send `first`, wait, then kill; returns when it is gone."""
    for number, patience in ((first, grace_seconds), (signal.SIGKILL, 10.0)):
        if not identity.is_living():
            return
        try:
            os.kill(identity.pid, number)
        except ProcessLookupError:
            return
        wait_until_gone([identity], deadline_seconds=patience)


def wait_until_gone(processes: Sequence[ProcessIdentity], *, deadline_seconds: float) -> bool:
    """Return True once none of them lives, False when the deadline passed first."""
    deadline = time.monotonic() + deadline_seconds
    while any(process.is_living() for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def working_in(directory: Path, program: str) -> list[ProcessIdentity]:
    """Find living processes of that program that work in this directory.

    Elsewhere than on Linux: those whose command line begins with the program and names the directory.
    """
    place = str(directory.resolve())
    if sys.platform != "linux":
        return [found for found in _listed(program, place) if found is not None]
    return [found for found in _of_program(program) if _link(found.pid, "cwd") == place]


def tethered(
    command: Sequence[str], *, death_signal: signal.Signals, options: Sequence[str] = ()
) -> list[str]:
    """Wrap a command so that it receives `death_signal` when the calling process ends.

    The kernel watches the *thread* that starts it: start it from one that lives as long as you need it.
    """
    tether = [sys.executable, "-I", "-S", str(TETHER), *options]
    return [*tether, death_signal.name, str(os.getpid()), *command]


def _started_by_proc(pid: int) -> str | None:
    try:
        state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in {"Z", "X"} else fields[START_FIELD - 1]


def _of_program(program: str) -> Iterator[ProcessIdentity]:
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and _program(int(entry.name)) == program:
            found = identify(int(entry.name))
            if found is not None:
                yield found


def _listed(program: str, place: str) -> Iterator[ProcessIdentity | None]:
    listing = subprocess.run(
        ["ps", "-axo", "pid=,command="], capture_output=True, text=True, check=True
    )
    for line in listing.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        if place in command and Path(command.split(" ", 1)[0]).name == program:
            yield identify(int(pid))


def _program(pid: int) -> str:
    return Path(_link(pid, "exe").removesuffix(" (deleted)")).name


def _link(pid: int, name: str) -> str:
    try:
        return str((PROC / str(pid) / name).readlink())
    except OSError:  # Gone meanwhile, a kernel thread, or somebody else's.
        return ""
