"""A file of after-images, one commit a line, from which the simulator's state is rebuilt.

A line is handed to the operating system before its reply leaves: it outlives the death of this
process at any instant, not that of the machine (no fsync: a test double should not wait for disks).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import orjson

# A table, an id, and the whole value now; None when it is gone.
Image: TypeAlias = tuple[str, str, Any]


class JournalUnusable(Exception):
    """The file belongs to another running simulator, or a line within it is damaged."""


class Journal:
    """One journal, held by one process until it is closed or dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # The lock has a file of its own, since `rewrite` replaces the journal's.
        self._lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            message = f"{path} is in use by another simulator"
            raise JournalUnusable(message) from None
        self._file = self._open(path)

    def _open(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def read(self) -> Iterator[Image]:
        """Yield all images, oldest first; a last line cut short was never answered: left out.

        Raises:
            JournalUnusable: a line in the middle is damaged.

        """
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    images = [(table, name, value) for table, name, value in orjson.loads(line)]
                except (ValueError, TypeError):
                    message = f"{self._path}, line {number} is damaged"
                    raise JournalUnusable(message) from None
                yield from images

    def append(self, images: list[Image]) -> None:
        """Keep one commit: all of its images, or none.

        Raises:
            OSError: the disk did not take it; nothing is kept.

        """
        line = orjson.dumps(images, option=orjson.OPT_APPEND_NEWLINE)
        before = os.fstat(self._file).st_size
        if os.write(self._file, line) != len(line):
            os.ftruncate(self._file, before)
            message = f"{self._path}: short write"
            raise OSError(message)

    def rewrite(self, images: Iterable[Image]) -> None:
        """Replace everything by `images`, in one step as others see it."""
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.unlink(missing_ok=True)
        with fresh.open("wb") as lines:
            lines.writelines(
                orjson.dumps([image], option=orjson.OPT_APPEND_NEWLINE) for image in images
            )
            lines.flush()
            os.fsync(lines.fileno())
        fresh.replace(self._path)
        os.close(self._file)
        self._file = self._open(self._path)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
        os.close(self._lock)
