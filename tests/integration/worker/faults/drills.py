"""A gate in other processes: what is to be met at a place is told them by files."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ledger.drills import WAIT
from tests.workflows.gate import Gate, Hold
from workflows.steps import Step


class Drills(Gate):
    """Tells processes of ours where to die and where to wait."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self._waiting: set[asyncio.Task[None]] = set()

    def kill(self, checkout_id: str, place: str, *, later: int = 0) -> None:
        """Let whoever comes to a place with this checkout in hand die there, or at so many times later."""
        (self.directory / f"{place}@{checkout_id}").write_text(str(later or ""))

    def died(self, checkout_id: str, place: str) -> bool:
        """Tell whether somebody has."""
        return not any(told.exists() for told in self._told(checkout_id, place))

    def call_off(self, checkout_id: str, place: str) -> None:
        """Let nobody die there any more: it is over."""
        for told in self._told(checkout_id, place):
            told.unlink(missing_ok=True)

    def _told(self, checkout_id: str, place: str) -> list[Path]:
        names = [name for name, whose in self.aliases.items() if whose == checkout_id]
        return [self.directory / f"{place}@{name}" for name in (checkout_id, *names)]

    def also(self, name: str, checkout_id: str) -> None:
        """Let what is done under another id count as a checkout's: from here on, steps are about that one."""
        super().also(name, checkout_id)
        for told in self.directory.glob(f"*@{checkout_id}"):
            place, _, _ = told.name.partition("@")
            if place.startswith(("find_late_payment.", "give_back_stray.", "provider.")):
                told.rename(told.with_name(f"{place}@{name}"))

    def hold(self, checkout_id: str, step: Step, *, done: bool = False) -> Hold:
        """Hold every attempt of a step, whichever process has it in hand."""
        held = Hold()
        place = f"{step.value}.{'after' if done else 'before'}"
        told = self.directory / f"{place}@{checkout_id}#wait"
        told.write_text(WAIT)
        task = asyncio.create_task(_kept(held, told))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return held


async def _kept(held: Hold, told: Path) -> None:
    reached = told.with_name(f"reached {told.name}")
    while not await asyncio.to_thread(reached.exists):
        await asyncio.sleep(0.05)
    held.reached.set()
    await held.let_go.wait()
    await asyncio.to_thread(told.unlink)
