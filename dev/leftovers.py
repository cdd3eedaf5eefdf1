"""What a supervisor that was killed left running: found by its record, ended before anything starts."""

from __future__ import annotations

import signal

from dev.postgres_cluster import end_leftover_postgres
from dev.postgres_home import kept_data
from dev.processes import end_process, wait_until_gone
from dev.runtime import read_record
from dev.state import StateDirectory

PATIENCE_SECONDS = 10.0
"""On Linux its children were told to end when it died, and most of them are about to."""


def end_leftovers(state: StateDirectory, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """End every child of an earlier session; call it while the state is claimed, so that none is in use."""
    end_leftover_postgres(kept_data(state.postgres))
    left = [process for group in read_record(state.record).processes.values() for process in group]
    wait_until_gone(left, deadline_seconds=patience_seconds)
    for process in left:
        end_process(process, first=signal.SIGTERM, grace_seconds=PATIENCE_SECONDS)
    state.record.unlink(missing_ok=True)
