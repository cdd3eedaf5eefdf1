"""A stack of two sleeping children, run as `onhand dev` runs the real one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from dev.child import ChildSpec
from dev.errors import AlreadyRunningError
from dev.runtime import Runtime
from dev.session import Stack, run_session
from dev.state import StateDirectory


def child(state: StateDirectory, name: str) -> ChildSpec:
    """Something that does nothing until it is ended."""
    return ChildSpec(
        name=name,
        command=("/bin/sleep", "600"),
        environment=dict(os.environ),
        log=state.log(name),
    )


def lamp_stack(state: StateDirectory) -> Stack:
    """Two children and addresses of nothing."""
    runtime = Runtime(
        api="http://127.0.0.1:1",
        temporal_address="127.0.0.1:2",
        temporal_ui="http://127.0.0.1:3",
        temporal_namespace="onhand",
        payments="http://127.0.0.1:4",
        payments_key="key",
        webhook_secret="secret",
        database_url="postgresql://lamp",
        database_owner_url="postgresql://lamp",
        token_secret="token",
        token_issuer="onhand",
        token_audience="onhand",
        state_directory=str(state.path),
        pids={},
    )
    return Stack([child(state, "lamp"), child(state, "shade")], runtime)


def say(sentence: str) -> None:
    """To a person."""
    print(sentence, file=sys.stderr, flush=True)


def main() -> None:
    """Keep it until a signal."""
    state = StateDirectory(Path(sys.argv[1]))
    try:
        run_session(
            state,
            lambda: lamp_stack(state),
            fresh="--fresh" in sys.argv,
            announce=lambda runtime: print(json.dumps(runtime.announcement()), flush=True),
            report=say,
        )
    except AlreadyRunningError as refusal:
        say(str(refusal))
        sys.exit(1)


if __name__ == "__main__":
    main()
