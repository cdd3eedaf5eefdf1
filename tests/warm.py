"""Commands of ours as processes that need not load what each of them loads: forked from one that has.

A command needs more time to load than most tests need for all else. What is forked is a process as any other,
with an environment, a session and an end of its own, which may be killed at any time.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOADED = (
    "api.app",
    "api.main",
    "cli.main",
    "cli.progress",
    "projections.status",
    "tests.warm",
    "worker.main",
    "worker.projections",
    "worker.relay",
)
"""What commands load when they run."""

_starting = multiprocessing.get_context("forkserver")
_starting.set_forkserver_preload(list(LOADED))


class WarmProcess:
    """`onhand …`, to be treated as one of `subprocess`."""

    def __init__(
        self, words: Sequence[str], *, environment: dict[str, str], stdout: Path, stderr: Path
    ) -> None:
        self.args = words
        # As a daemon it is ended with the tests, whoever forgot it.
        self._process = _starting.Process(
            target=_be, args=(words, environment, stdout, stderr), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """The number of the process, and of its session."""
        pid = self._process.pid
        assert pid is not None
        return pid

    @property
    def returncode(self) -> int | None:
        """Give its exit status, or None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Look whether it has ended, as `returncode` does here."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        status = self.returncode
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send it one, if it is there."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Switch it off."""
        self.send_signal(signal.SIGKILL)


def _be(words: Sequence[str], environment: dict[str, str], stdout: Path, stderr: Path) -> None:
    """Be a command: with its own environment and files, and nothing of what was forked but what is loaded."""
    from cli.main import main  # noqa: PLC0415 - the tests themselves need none of it

    os.setsid()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for path, number in ((Path(os.devnull), 0), (stdout, 1), (stderr, 2)):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["onhand", *words]
    main()
