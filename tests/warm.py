"""Commands of ours as processes that need not load what each of them loads: forked from one that has.

A command needs more time to load than most tests need for all else. What is forked is a process as any other,
with an environment, a session and an end of its own, which may be killed at any time.
`python -m tests.warm FD` is the one that they come from: it ends when the tests do.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

from dev.clean_environment import clean_environment

ROOT = Path(__file__).parents[1]
LOADED = {
    "api": ("api.app", "api.main"),
    "projections": ("worker.projections", "projections.status", "cli.progress"),
    "relay": ("worker.relay",),
    "worker": ("worker.main",),
}
"""What a command loads when it runs, by its first word."""
TASKS = Path("/proc/self/task")
MOST_BYTES = 65_536
GIVEN = 3
"""Files of each: what it prints, what it says of itself, and where its end is written."""


class WarmProcess:
    """`onhand …`, to be treated as one of `subprocess`."""

    def __init__(
        self,
        words: list[str],
        *,
        environment: dict[str, str],
        stdout: IO[Any],
        stderr: IO[Any],
    ) -> None:
        self.args = words
        self.returncode: int | None = None
        self._end, told = os.pipe()
        try:
            self.pid = _starter().start(
                words, environment, (stdout.fileno(), stderr.fileno(), told)
            )
        finally:
            os.close(told)

    def __del__(self) -> None:
        if self._end >= 0:
            os.close(self._end)

    def poll(self) -> int | None:
        """Give its exit status, or None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        status = self._ended(timeout)
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

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._end, selectors.EVENT_READ)
                if selector.select(seconds):
                    self.returncode = int(os.read(self._end, 100))
                    os.close(self._end)
                    self._end = -1
        return self.returncode


class Starter:
    """The one process that the others come from, as whoever asks it sees it."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.warm", str(theirs.fileno())],
                cwd=ROOT,
                env=clean_environment(os.environ),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(self, words: list[str], environment: dict[str, str], given: tuple[int, ...]) -> int:
        """Have a command begun; give its process id."""
        wanted = json.dumps({"words": words, "environment": environment}).encode() + b"\n"
        with self._asking:
            sent = socket.send_fds(self._socket, [wanted], given)
            self._socket.sendall(wanted[sent:])
            return int(self._socket.recv(100))

    def close(self) -> None:
        """End it. What it began is ended by whoever asked for that."""
        self._socket.close()
        self._process.wait()


@cache
def _starter() -> Starter:
    starter = Starter()
    atexit.register(starter.close)
    return starter


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants begun, and the files for it."""

    words: list[str]
    environment: dict[str, str]
    given: list[int]


@dataclass(kw_only=True)
class Nursery:
    """That process from within."""

    ends: dict[int, int] = field(default_factory=dict)
    """Where to write how a process ended."""

    def serve(self, asking: socket.socket) -> Asked | None:
        """Begin what is asked for. Returns that in each new process, and None when the tests are over."""
        woken, wake = socket.socketpair()
        with asking, woken, wake, selectors.DefaultSelector() as selector:
            wake.setblocking(False)
            signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
            signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
            for source in (asking, woken):
                selector.register(source, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if woken in ready:
                    woken.recv(MOST_BYTES)
                    self._tell_ends()
                if asking in ready:
                    asked = received(asking)
                    if asked is None or self._is_begun(asked, asking):
                        return asked

    def _is_begun(self, asked: Asked, asking: socket.socket) -> bool:
        """Fork, and tell whether this is the new process."""
        for name in LOADED.get(asked.words[0], ()):
            importlib.import_module(name)
        # A thread would not be there in the new one, and what it holds would be held for ever.
        assert not TASKS.exists() or len(list(TASKS.iterdir())) == 1
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            return True
        *printed, self.ends[pid] = asked.given
        for one in printed:
            os.close(one)
        asking.sendall(str(pid).encode())
        return False

    def _tell_ends(self) -> None:
        while self.ends:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            told = self.ends.pop(pid)
            with suppress(BrokenPipeError):
                os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(told)


def received(asking: socket.socket) -> Asked | None:
    """Read what is asked for, or that nobody is there any more."""
    text, given, _, _ = socket.recv_fds(asking, MOST_BYTES, GIVEN)
    if not text:
        return None
    while not text.endswith(b"\n"):
        text += asking.recv(MOST_BYTES)
    return Asked(**json.loads(text), given=given)


def become(asked: Asked, nursery: Nursery) -> None:
    """Take its environment and its files, and leave behind what a new process does not have."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    given = [os.open(os.devnull, os.O_RDONLY), *asked.given]
    for number, file in enumerate(given[:GIVEN]):
        os.dup2(file, number)
    for file in [*given, *nursery.ends.values()]:
        os.close(file)
    os.environ.clear()
    os.environ.update(asked.environment)
    sys.argv = ["onhand", *asked.words]


def main() -> None:
    """Be the process that the others come from, and in each of them its command."""
    from cli.main import main as onhand  # noqa: PLC0415 - the tests themselves need none of it

    nursery = Nursery()
    asked = nursery.serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        become(asked, nursery)
        onhand()


if __name__ == "__main__":
    main()
