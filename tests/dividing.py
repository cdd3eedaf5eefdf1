"""How the tests are divided among processes: those of one folder stay on one, for their servers' sake."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

SHARED_SERVERS = {"workflows": "saga", "replay": "saga", "worker": "saga", "faults": "saga"}
"""Folders that use the same servers, by what to call them together."""


def servers_of(nodeid: str) -> str:
    """Name the group of a test, from its path alone."""
    folder = PurePosixPath(nodeid.partition("::")[0]).parent
    return SHARED_SERVERS.get(folder.name, str(folder))


class ByServers(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process whole groups."""

    def _split_scope(self, nodeid: str) -> str:
        return servers_of(nodeid)


class Watch:
    """Sees that no group was on two processes: its servers would have been started twice, and nobody told."""

    def __init__(self) -> None:
        self.processes: defaultdict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note who ran it."""
        self.processes[servers_of(report.nodeid)].add(getattr(report, "worker_id", "only"))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run."""
        torn = sorted(group for group, who in self.processes.items() if len(who) > 1)
        if torn:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            print(f"\ngroups that were torn apart: {torn}")
