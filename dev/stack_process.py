"""The stack for the time of a block, in a process of its own: what the demo and acceptance tests use."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dev.child import ChildSpec
from dev.errors import AlreadyRunningError
from dev.foreground import running
from dev.runtime import SUPERVISOR, Runtime, read_runtime
from dev.stack import ROOT

NOTHING_SET: Mapping[str, str] = {}
A_BUS_OF_ITS_OWN = {"NATS_URL": ""}
"""Stacks that come and go begin at the first sequence: on somebody's bus those would be old news, or false."""
START_DEADLINE_SECONDS = 180.0
STOP_GRACE_SECONDS = 90.0


@contextmanager
def started_stack(
    state_directory: Path, *, environment: Mapping[str, str] = NOTHING_SET
) -> Iterator[Runtime]:
    """Run `onhand dev` on that state directory; give its addresses when it is ready; end it with the block.

    `environment` is added to this process's own. The stack ends with the thread that entered the
    block, too, however that ends. For the process ids of a later moment ask `read_runtime` again. What it
    says of restarts is in `STATE_DIRECTORY.log`, beside the directory.

    Raises: DidNotStartError, with what it said; AlreadyRunningError.
    """
    state_directory = state_directory.resolve()
    state_directory.parent.mkdir(parents=True, exist_ok=True)
    with running(_child(state_directory, environment)) as pid:
        runtime = read_runtime(state_directory)
        if runtime is None or list(runtime.pids[SUPERVISOR]) != [pid]:
            message = f"{state_directory} is in use by another stack."
            raise AlreadyRunningError(message)
        yield runtime


def _child(state_directory: Path, environment: Mapping[str, str]) -> ChildSpec:
    return ChildSpec(
        name="onhand dev",
        command=(sys.executable, "-m", "cli", "dev", "--json"),
        environment={
            **os.environ,
            **A_BUS_OF_ITS_OWN,
            **environment,
            "ONHAND_STATE_DIR": str(state_directory),
        },
        log=state_directory.with_name(f"{state_directory.name}.log"),
        directory=ROOT,
        ready=lambda _started: read_runtime(state_directory) is not None,
        stop_signal=signal.SIGTERM,
        stop_grace_seconds=STOP_GRACE_SECONDS,
        start_deadline_seconds=START_DEADLINE_SECONDS,
    )
