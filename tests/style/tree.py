"""The project's own files, as the tidy tests look at them."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "activities",
    "api",
    "bench",
    "cli",
    "dev",
    "events",
    "ledger",
    "payments",
    "projections",
    "settings",
    "worker",
    "workflows",
)


def committed(*patterns: str) -> list[Path]:
    """List files that git tracks or would track, by pattern."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def product_modules() -> list[Path]:
    """List the Python files of the rooms."""
    return committed(*(f"{room}/*.py" for room in ROOMS))
