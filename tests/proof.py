"""How large a proof is: a fixed share of it in `make test`, the whole behind `make prove`; and what was shown of it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

FULL = os.environ.get("ONHAND_PROOF") == "full"

_ROOT = Path(__file__).parents[1]
_SOURCES = ("*.py", "*.sql", "requirements/*.txt")


def size(*, share: int, full: int) -> int:
    """Choose how much to try; the figures an issue names are the full ones."""
    return full if FULL else share


class Shown:
    """Parts of a long proof that are done, kept in a file as they end: broken off, it goes on where it was.

    What was shown of other code says nothing of this: the file is named after everything it was shown of.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.parts: dict[str, dict[str, Any]] = {}
        if file is not None and file.exists():
            for line in file.read_text().splitlines():
                told = json.loads(line)
                self.parts[told.pop("part")] = told

    @classmethod
    def of(cls, proof: str) -> Shown:
        """Go on with a proof of this very code; a share of one is kept nowhere."""
        if not FULL:
            return cls()
        return cls(_ROOT / ".onhand" / "proof" / f"{proof}-{fingerprint()}.jsonl")

    def __contains__(self, part: str) -> bool:
        """Tell whether a part has been shown."""
        return part in self.parts

    def add(self, part: str, **facts: Any) -> None:
        """Keep what was shown, at once."""
        self.parts[part] = facts
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a") as kept:
                kept.write(json.dumps({"part": part, **facts}) + "\n")


def fingerprint() -> str:
    """Tell this code from any other, committed or not."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *_SOURCES],  # noqa: S607
        cwd=_ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    whole = hashlib.sha256()
    for name in sorted(set(listed.split("\0")) - {""}):
        if (_ROOT / name).exists():
            whole.update(f"{name}\0".encode() + (_ROOT / name).read_bytes() + b"\0")
    return whole.hexdigest()[:16]
