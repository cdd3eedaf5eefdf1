"""Drills in a process of their own: it dies where a file says so, and waits where one says that."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, sys
from ledger.crash_points import Around
from ledger.drills import arm_drills

arm_drills(sys.argv[1])
booking = Around("booking")

async def book():
    for number in (1, 2, 3):
        async with booking(f"co_{number}/1"):
            print(number, flush=True)

asyncio.run(book())
"""


def booked(drills: Path) -> tuple[int, str]:
    """Run it; give how it ended and what it had done by then."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(drills)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.stderr == ""
    return ran.returncode, ran.stdout


@pytest.mark.parametrize(
    ("name", "text", "done"),
    [
        ("booking.before", "", ""),
        ("booking.after", "", "1\n"),
        ("booking.after@co_2", "", "1\n2\n"),
        ("booking.before", "2", "1\n2\n"),
    ],
)
def test_it_dies_there_once(tmp_path: Path, name: str, text: str, done: str) -> None:
    """At anything's place, at one's own, or after so many have passed; the next one passes."""
    (tmp_path / name).write_text(text)
    assert booked(tmp_path) == (-signal.SIGKILL, done)
    assert list(tmp_path.iterdir()) == []
    assert booked(tmp_path) == (0, "1\n2\n3\n")


def test_it_waits_until_the_file_is_gone(tmp_path: Path) -> None:
    """It leaves word that it has come there."""
    held = tmp_path / "booking.before@co_2#held"
    held.write_text("wait")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        reached = tmp_path / f"reached {held.name}"
        while not reached.exists():
            assert process.poll() is None
        held.unlink()
        done, _ = process.communicate(timeout=60)
    assert (process.returncode, done) == (0, "1\n2\n3\n")
