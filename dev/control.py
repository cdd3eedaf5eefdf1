"""Questions and orders to the stack that runs on a state directory, from another process."""

from __future__ import annotations

import os
import signal
import time

from dev.errors import DevError, NotRunningError
from dev.processes import ProcessIdentity
from dev.runtime import Runtime, current_record
from dev.state import StateDirectory

STOP_DEADLINE_SECONDS = 120.0


def running_stack(state: StateDirectory) -> Runtime:
    """Tell of the one that runs, as of this moment.

    Raises: NotRunningError, while it is still starting too.
    """
    _refuse_unless_running(state)
    record = current_record(state)
    if record is None or record.runtime is None:
        message = f"The onhand dev on {state.path} is still starting."
        raise NotRunningError(message)
    return record.runtime


def describe_holder(state: StateDirectory) -> str:
    """Name who runs on it, for the second one that wanted to."""
    record = current_record(state)
    supervisor = record.supervisor() if record else None
    pid = f"pid {supervisor.pid}" if supervisor else "pid not known yet"
    place = record.runtime.api if record and record.runtime else "still starting"
    return f"An onhand dev already runs on {state.path} ({pid}, {place})."


def stop_stack(state: StateDirectory) -> None:
    """Ask the one that runs to end, and return when it has.

    Raises: NotRunningError; DevError when it does not end.
    """
    _refuse_unless_running(state)
    deadline = time.monotonic() + STOP_DEADLINE_SECONDS
    asked: ProcessIdentity | None = None
    while state.is_in_use():
        record = current_record(state)  # One that starts just now has none at first.
        supervisor = record.supervisor() if record else None
        if supervisor is not None and supervisor != asked:
            os.kill(supervisor.pid, signal.SIGTERM)
            asked = supervisor
        if time.monotonic() > deadline:
            message = (
                f"The onhand dev on {state.path} did not end within {STOP_DEADLINE_SECONDS:.0f} s."
            )
            raise DevError(message)
        time.sleep(0.05)


def _refuse_unless_running(state: StateDirectory) -> None:
    if not state.is_in_use():
        message = f"No onhand dev runs on {state.path}."
        raise NotRunningError(message)
