"""What has been shown of this very code: kept in a file, so that a long proof can be broken off and gone on with."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / ".onhand" / "faults"
SOURCES = ("*.py", "*.sql", "requirements/*.txt")


def fingerprint() -> str:
    """Tell this code from any other, committed or not: what was shown of another says nothing of it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *SOURCES],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    whole = hashlib.sha256()
    for name in sorted(set(listed.split("\0")) - {""}):
        if (ROOT / name).exists():
            whole.update(f"{name}\0".encode() + (ROOT / name).read_bytes() + b"\0")
    return whole.hexdigest()[:16]


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """Name it."""


class Record:
    """Cases that came to their right ending, with what was reached on the way; kept where there is a `file`."""

    def __init__(self, file: Path | None = None, *, ends_at: float | None = None) -> None:
        self.file = file
        self.shown: dict[str, dict[str, object]] = {}
        self.ends_at = ends_at
        if file is not None and file.exists():
            for line in file.read_text().splitlines():
                told = json.loads(line)
                self.shown[told["case"]] = told

    def __contains__(self, case: str) -> bool:
        """Tell whether a case has been shown."""
        return case in self.shown

    def add(self, case: str, *, place: str, fault: str, rare: set[str]) -> None:
        """Keep what was shown, at once: whoever breaks off loses what is under way and no more."""
        told: dict[str, object] = {
            "case": case,
            "place": place,
            "fault": fault,
            "rare": sorted(rare),
        }
        self.shown[case] = told
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a") as kept:
                kept.write(json.dumps(told) + "\n")

    def left(self, cases: Iterable[Named]) -> list[str]:
        """Name the cases that are not shown yet."""
        return [case.name for case in cases if case.name not in self]

    def out_of_time(self) -> bool:
        """Tell whether nothing more is to be begun."""
        return self.ends_at is not None and time.monotonic() > self.ends_at

    def faults(self) -> Counter[tuple[str, str]]:
        """Count by place and fault."""
        return Counter((str(told["place"]), str(told["fault"])) for told in self.shown.values())

    def rare(self) -> Counter[str]:
        """Count the rare states."""
        return Counter(state for told in self.shown.values() for state in _listed(told["rare"]))

    def table(self) -> str:
        """Draw place by fault."""
        faults = sorted({fault for _, fault in self.faults()})
        rows = [f"{'':26}" + "".join(f"{fault:>24}" for fault in faults)]
        for place in sorted({place for place, _ in self.faults()}):
            counts = "".join(f"{self.faults()[place, fault]:24}" for fault in faults)
            rows.append(f"{place or '(undisturbed)':26}{counts}")
        rows += [f"{count:6} times {state}" for state, count in sorted(self.rare().items())]
        return "\n".join(rows)


def _listed(states: object) -> list[str]:
    assert isinstance(states, list)
    return states
