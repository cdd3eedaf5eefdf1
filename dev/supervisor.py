"""Keeps a set of children: started in order, each when the ones before it are ready; ended in reverse."""

from __future__ import annotations

from collections.abc import Callable

from dev.child import ChildSpec
from dev.keeper import BackOff, Keeper
from dev.runtime import Processes

PATIENT = BackOff()


class Supervisor:
    """The children of this process. Whatever ends one of them but `stop`, it is started again."""

    def __init__(
        self,
        *,
        changed: Callable[[Processes], None],
        report: Callable[[str], None],
        back_off: BackOff = PATIENT,
    ) -> None:
        """Tell `changed` of every start and end, and `report` sentences for a person."""
        self._keepers: list[Keeper] = []
        self._tell = changed
        self._report = report
        self._back_off = back_off

    async def start(self, spec: ChildSpec) -> None:
        """Start one more child and return when it is ready.

        Raises: DidNotStartError, and whatever its `prepare` raises.
        """
        keeper = Keeper(spec, changed=self._changed, report=self._report, back_off=self._back_off)
        self._keepers.append(keeper)
        await keeper.start()

    async def stop(self) -> None:
        """End all children, the youngest first."""
        for keeper in reversed(self._keepers):
            await keeper.stop()

    def hurry(self) -> None:
        """End them without the time they would like."""
        for keeper in self._keepers:
            keeper.hurry()

    def processes(self) -> Processes:
        """Tell who lives at this moment, by name."""
        return {
            keeper.spec.name: [keeper.identity] if keeper.identity else []
            for keeper in self._keepers
        }

    def _changed(self) -> None:
        self._tell(self.processes())
