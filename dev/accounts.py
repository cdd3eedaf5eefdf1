"""As whom Postgres runs. It refuses root, and `make demo` must work for root too.

An ordinary user runs it as themselves. Root runs it in a user namespace, where root's own files belong
to an ordinary id. Where namespaces are forbidden (most containers), root hands it to the account `nobody`, with
its own copy of programs and data in a place that account can reach. Permissions of folders that
were there before are never changed.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dev.errors import MissingProgramError
from dev.processes import tethered

UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """One way to run Postgres."""

    tether_options: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None
    """User and group that must own its files; None when the caller's own files will do."""

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end as this account."""
        command = tethered(command, death_signal=signal.SIGKILL, options=self.tether_options)
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


OURSELVES = Account()
MAPPED = Account(("--mapped",))


def unprivileged() -> Account:
    """Name the account for root where namespaces are forbidden."""
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        message = f"Postgres refuses to run as root, and there is no account {UNPRIVILEGED}."
        raise MissingProgramError(message) from None
    options = ("--user", f"{entry.pw_uid}:{entry.pw_gid}")
    return Account(options, (entry.pw_uid, entry.pw_gid))


def choose_account(postgres: str, directory: Path) -> Account:
    """Choose the first way that can run this program and write into this directory."""
    if os.geteuid() != 0:
        return OURSELVES
    probe = ["/bin/sh", "-c", '"$0" --version && test -w "$1"', postgres, str(directory)]
    return MAPPED if MAPPED.run(probe).returncode == 0 else unprivileged()
