"""The state directory: what it holds, how it is made, and how it is emptied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.errors import ForeignDirectoryError
from dev.lock import held_lock, is_held
from dev.postgres_home import remove_home

MARKER = "onhand-state"
MARKER_TEXT = "Made by `onhand dev`; `onhand dev --fresh` empties this directory.\n"
LOCK = "lock"
IGNORE_ALL = "*\n"
KEPT_WHEN_EMPTIED = {MARKER, LOCK, ".gitignore"}


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Everything one dev stack keeps. Only its owner can enter it."""

    path: Path

    @property
    def postgres(self) -> Path:
        """The cluster, its passwords."""
        return self.path / "postgres"

    @property
    def temporal(self) -> Path:
        """The engine's file."""
        return self.path / "temporal"

    @property
    def nats(self) -> Path:
        """The bus's streams."""
        return self.path / "nats"

    @property
    def payments(self) -> Path:
        """The payment simulator's file."""
        return self.path / "payments" / "simulator.json"

    @property
    def secrets(self) -> Path:
        """Keys and signing secrets, made once, so that tokens stay valid over a restart."""
        return self.path / "secrets.json"

    @property
    def ports(self) -> Path:
        """Who listened where last time."""
        return self.path / "ports.json"

    @property
    def record(self) -> Path:
        """What runs at this moment."""
        return self.path / "stack.json"

    def log(self, name: str) -> Path:
        """Name where a process writes."""
        return self.path / "logs" / f"{name}.log"

    def is_in_use(self) -> bool:
        """Tell whether a stack runs on it, said by the kernel and not by a file."""
        return is_held(self.path / LOCK)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Make it if needed and hold it for the block.

        Raises: ForeignDirectoryError, AlreadyRunningError.
        """
        self._make()
        with held_lock(self.path / LOCK):
            yield

    def empty(self) -> None:
        """Remove everything kept; call it while it is claimed and nothing runs on it."""
        remove_home(self.postgres)
        for entry in self.path.iterdir():
            if entry.name in KEPT_WHEN_EMPTIED:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def make_rooms(self) -> None:
        """Make the folders inside."""
        for folder in (self.postgres, self.temporal, self.payments.parent, self.path / "logs"):
            folder.mkdir(mode=0o700, exist_ok=True)

    def _ignore_in_git(self) -> None:
        ignored = self.path / ".gitignore"
        if ignored.exists() and ignored.read_text() != IGNORE_ALL:
            message = f"{ignored} is not ours; choose another ONHAND_STATE_DIR."
            raise ForeignDirectoryError(message)
        ignored.write_text(IGNORE_ALL)

    def _make(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        marker = self.path / MARKER
        if not marker.exists():
            # A first start that was killed left the lock or less.
            if any(entry.name not in KEPT_WHEN_EMPTIED for entry in self.path.iterdir()):
                message = (
                    f"{self.path} holds files that are not ours; choose another ONHAND_STATE_DIR."
                )
                raise ForeignDirectoryError(message)
            self._ignore_in_git()
            marker.write_text(MARKER_TEXT)
