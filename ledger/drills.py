"""Drills: a process of ours dies where it is told to, as a machine that is switched off would.

The directory holds a file for each crash point, by its name. Whoever comes there first removes the file
and is gone, with no chance to end anything: so each place is died at once, however many processes there are.
`place@id` is for what has this id in its own; a file that says a number lets as many pass first, and one that
says `wait` is waited at until it is gone. What follows a `#` only tells two files apart.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from ledger.crash_points import arm

WAIT = "wait"
LOOK_AGAIN_SECONDS = 0.05


def arm_drills(directory: str) -> None:
    """Arm the crash points for which the directory has a file. Without a directory nothing is armed."""
    if not directory:
        return
    places = Path(directory)

    async def drill(place: str, of: str) -> None:
        for told in _told(places, place, of):
            if _waits(told):
                while told.exists():  # noqa: ASYNC110 - somebody outside removes it
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
            elif _taken(told):
                os.kill(os.getpid(), signal.SIGKILL)

    arm(drill)


def _told(places: Path, place: str, of: str) -> list[Path]:
    """List the files for whoever passes this place with that in hand."""
    named = [(told, *told.name.partition("#")[0].partition("@")) for told in places.iterdir()]
    return [told for told, name, _, whose in named if name == place and whose in of]


def _waits(told: Path) -> bool:
    """Tell whether one is to wait here, and leave word that somebody does."""
    try:
        waits = told.read_text() == WAIT
    except FileNotFoundError:
        return False
    if waits:
        told.with_name(f"reached {told.name}").touch()
    return waits


def _taken(told: Path) -> bool:
    """Take the file, unless others are to pass first; or somebody else was first to take it."""
    try:
        if left := int(told.read_text() or 0):
            told.write_text(str(left - 1))
            return False
        told.unlink()
    except FileNotFoundError:
        return False
    return True
