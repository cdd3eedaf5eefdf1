"""One process of the stack as a value: what to run, when it is ready, and how it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from dev.processes import tethered

LOG_LIMIT_BYTES = 20 * 1024 * 1024
LAST_LINES_BYTES = 600
HASTY = {signal.SIGINT: signal.SIGQUIT}
"""What follows the stop signal when somebody is in a hurry; anything else is followed by a kill."""

Probe = Callable[[datetime], bool]
"""Is it ready? Told when the process was started; may take a few seconds, and never raises for "not yet"."""


def nothing_to_prepare() -> None:
    """Stand in for children that start on whatever they find."""


def ready_at_once(_started: datetime) -> bool:
    """Stand in for children that have nothing to wait for."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """A process to keep. Its output goes to `log`; it ends when its keeper does."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    directory: Path = Path("/")
    ready: Probe = ready_at_once
    prepare: Callable[[], None] = nothing_to_prepare
    """Runs before every start; makes way after whatever ended it."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_seconds: float = 15.0
    start_deadline_seconds: float = 60.0
    tether_options: tuple[str, ...] = field(default=())

    def tethered_command(self) -> list[str]:
        """Tie the command to the calling thread's life."""
        return tethered(self.command, death_signal=self.stop_signal, options=self.tether_options)

    def open_log(self) -> BinaryIO:
        """Open the log to append to; one that has grown large starts over."""
        large = self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES
        descriptor = os.open(
            self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if large else 0), 0o600
        )
        return os.fdopen(descriptor, "wb")

    def last_words(self) -> str:
        """Quote the end of its log, for a message about why it is not there."""
        try:
            text = self.log.read_bytes()[-LAST_LINES_BYTES:].decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.strip().splitlines()[-5:])


def ending(returncode: int) -> str:
    """Say in words how a process ended."""
    if returncode >= 0:
        return f"exit status {returncode}"
    return signal.Signals(-returncode).name


def sweep_group(pid: int) -> None:
    """End what an ended child left of its process group, such as its own workers."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def start_blocking(spec: ChildSpec) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, so that a Ctrl-C at the terminal reaches its keeper alone."""
    with spec.open_log() as log:
        return subprocess.Popen(
            spec.tethered_command(),
            env=dict(spec.environment),
            cwd=spec.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
