"""What an operator asks of the noticeboards, and has tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from events.bus import BusAway
from events.following import PlaceLostError
from ledger.errors import Transient
from projections.consuming import Consumer
from projections.dead_letters import AT_ONCE, DeadLetter
from projections.projection import Projection
from projections.rebuilding import Desk

NOT_KEPT = "not-kept"
"""A letter of a noticeboard that whoever asks does not keep."""
AWAY = ("busy", "database-unavailable")
"""What has nothing to do with one letter or another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a generation of a noticeboard stands. `behind` is None where the bus cannot say."""

    projection: str
    generation: int | None
    state: str
    age_seconds: float | None
    behind: int | None
    dead_letters: int

    def told(self) -> dict[str, object]:
        """Give it as JSON has it."""
        return asdict(self)

    def cells(self) -> list[str]:
        """Give it as a row of a table."""
        return [
            self.projection,
            "-" if self.generation is None else str(self.generation),
            self.state,
            "unknown" if self.age_seconds is None else f"{self.age_seconds:.1f} s",
            "unknown" if self.behind is None else f"{self.behind:,}",
            str(self.dead_letters),
        ]


async def standings(desk: Desk, projections: Sequence[Projection]) -> list[Standing]:
    """Look at all of them; one that was never made is `missing`. Raises Transient."""
    generations = await desk.generations.all()
    letters = await desk.letters.counts()
    found = []
    for projection in projections:
        own = [one for one in generations if one.projection == projection.name]
        found += [
            Standing(
                projection=projection.name,
                generation=one.number,
                state=one.state,
                age_seconds=one.age_seconds,
                behind=await _behind(desk, projection.name, one.number),
                dead_letters=letters.get(projection.name, 0) if one.state == "live" else 0,
            )
            for one in own
        ]
        if not own:
            found.append(
                Standing(
                    projection=projection.name,
                    generation=None,
                    state="missing",
                    age_seconds=None,
                    behind=None,
                    dead_letters=0,
                )
            )
    return found


async def retried(
    desk: Desk, projections: Sequence[Projection], name: str | None, *, at_once: int = AT_ONCE
) -> list[tuple[DeadLetter, str | None]]:
    """Try again all that is open, and tell of each why it still cannot be heeded, or could not be tried.

    Raises Transient where the database cannot be had.
    """
    by_name = {projection.name: projection for projection in projections}
    tried: list[tuple[DeadLetter, str | None]] = []
    for letter in await desk.letters.all_open(name, at_once=at_once):
        projection = by_name.get(letter.projection)
        code = NOT_KEPT if projection is None else await _again(desk, projection, letter)
        tried.append((letter, code))
    return tried


async def _again(desk: Desk, projection: Projection, letter: DeadLetter) -> str | None:
    following = desk.following(letter.projection, letter.generation)
    try:
        return await Consumer(projection, letter.generation, following, desk.letters).again(letter)
    except Transient as error:
        if error.code in AWAY:
            raise
        return error.code


async def _behind(desk: Desk, name: str, number: int) -> int | None:
    try:
        return (await desk.following(name, number).progress()).behind
    except (BusAway, PlaceLostError):
        return None
