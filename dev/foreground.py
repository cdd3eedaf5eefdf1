"""Keeps one child for the time of a block; no restarts."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from dev.child import ChildSpec, ending, start_blocking, sweep_group
from dev.errors import DidNotStartError

POLL_SECONDS = 0.02


@contextmanager
def running(spec: ChildSpec) -> Iterator[int]:
    """Start it, wait until it is ready, give its process id, and end it after the block.

    Raises: DidNotStartError.
    """
    spec.prepare()
    process = start_blocking(spec)
    try:
        _await_readiness(process, spec)
        yield process.pid
    finally:
        _end(process, spec)


def _await_readiness(process: subprocess.Popen[bytes], spec: ChildSpec) -> None:
    started = datetime.now(UTC)
    deadline = time.monotonic() + spec.start_deadline_seconds
    while not spec.ready(started):
        if process.poll() is not None:
            message = f"{spec.name} ended at its start ({ending(process.returncode)}): {spec.last_words()}"
            raise DidNotStartError(message)
        if time.monotonic() > deadline:
            message = f"{spec.name} was not ready within {spec.start_deadline_seconds:.0f} s, see {spec.log}"
            raise DidNotStartError(message)
        time.sleep(POLL_SECONDS)


def _end(process: subprocess.Popen[bytes], spec: ChildSpec) -> None:
    process.send_signal(spec.stop_signal)
    try:
        process.wait(spec.stop_grace_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    sweep_group(process.pid)
