"""What runs at this moment on a state directory, as its supervisor writes it down and others read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dev.private_file import read_json, write_private_json
from dev.processes import ProcessIdentity
from dev.state import StateDirectory

SUPERVISOR = "supervisor"
ANNOUNCED = (
    "api",
    "temporal_address",
    "temporal_ui",
    "payments",
    "payments_key",
    "webhook_secret",
    "database_url",
    "nats",
    "console",
    "pids",
)
"""What `onhand dev --json` tells, in the contract's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Addresses, keys and process ids of a running dev stack."""

    api: str
    temporal_address: str
    temporal_ui: str
    temporal_namespace: str
    payments: str
    payments_key: str
    webhook_secret: str
    database_url: str
    database_owner_url: str
    token_secret: str
    token_issuer: str
    token_audience: str
    state_directory: str
    nats: str | None = None
    console: str | None = None
    pids: Mapping[str, Sequence[int]]
    """By process name, the supervisor among them; empty while one is being started again."""

    def announcement(self) -> dict[str, Any]:
        """Make the object of the contract."""
        whole = asdict(self)
        return {name: whole[name] for name in ANNOUNCED}


Processes = Mapping[str, Sequence[ProcessIdentity]]


@dataclass(frozen=True, slots=True)
class StackRecord:
    """The record on disk: who runs, and, once everything is ready, the rest."""

    processes: Processes
    runtime: Runtime | None

    def supervisor(self) -> ProcessIdentity | None:
        """Name who keeps the stack; None when that is not written yet."""
        return next(iter(self.processes.get(SUPERVISOR, ())), None)


def pids_of(processes: Processes) -> dict[str, list[int]]:
    """Keep the ids alone."""
    return {name: [found.pid for found in group] for name, group in processes.items()}


def write_record(path: Path, processes: Processes, runtime: Runtime | None) -> None:
    """Write down this moment, in one step."""
    current = None if runtime is None else asdict(replace(runtime, pids=pids_of(processes)))
    listed = {name: [asdict(found) for found in group] for name, group in processes.items()}
    write_private_json(path, {"processes": listed, "runtime": current})


def read_record(path: Path) -> StackRecord:
    """Read what is written there, true or not: whether anybody runs, the lock says."""
    content = read_json(path)
    processes = {
        name: [ProcessIdentity(**found) for found in group]
        for name, group in content.get("processes", {}).items()
    }
    runtime = content.get("runtime")
    return StackRecord(processes, None if runtime is None else Runtime(**runtime))


def current_record(state: StateDirectory) -> StackRecord | None:
    """Read the record of whoever holds the lock; None when nobody does, or none is written yet."""
    if not state.is_in_use():
        return None
    record = read_record(state.record)
    supervisor = record.supervisor()
    # A record may still be that of an earlier, killed supervisor.
    return record if supervisor is not None and supervisor.is_living() else None


def read_runtime(state_directory: Path) -> Runtime | None:
    """Tell of the stack that runs there; None when none does, or none is ready yet."""
    record = current_record(StateDirectory(state_directory))
    return record.runtime if record else None
