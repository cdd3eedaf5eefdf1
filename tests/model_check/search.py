"""A search, breadth first, through everything that can happen to one checkout or to several at once.

Checkouts meet at the shelf alone. So a life's turns are worked out once for each shelf it is seen with,
and the search goes through the pairs of lives by their numbers. Two checkouts are alike: a state and its
mirror image are one.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tests.model_check.faces import Face, face_of
from tests.model_check.lives import Bounds, Breach, Life, Turn, Turns
from tests.model_check.promises import (
    PROMISES,
    STUCK,
    broken_in,
    broken_together,
)
from tests.model_check.rare import rare_in, rare_together
from tests.model_check.small_world import Moment, Shelf, shelf
from workflows.story import Story

State = tuple[int, ...]
"""The lives by number, in order; the shelf's number as the first of them sees it; how much may go wrong yet."""


@dataclass
class Found:
    """What a search saw."""

    states: int = 0
    lives: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    rare: Counter[str] = field(default_factory=Counter)
    broken: dict[str, list[str]] = field(default_factory=dict)
    """The first way to each broken promise."""

    def __str__(self) -> str:
        """Say it to a reader."""
        rows = [f"{self.states:,} states of {self.lives:,} lives"]
        rows += [f"{times:12,}  {what}" for what, times in sorted(self.endings.items())]
        rows += [f"{times:12,}  {what}" for what, times in sorted(self.rare.items())]
        return "\n".join(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """A turn by numbers. Without a life it breaks the promise at once."""

    what: str
    life: int
    common: int
    by_itself: bool = False
    promise: str | None = None


class Search:
    """One search. `troubles` bounds how much goes wrong on one way, whomever it happens to."""

    def __init__(
        self,
        bounds: Bounds,
        *,
        troubles: int,
        checkouts: int = 1,
        stock: int = 1,
        limit: int | None = None,
        payment_attempts: int = 1,
        cards: int = 2,
        extensions: int = 0,
    ) -> None:
        self.units = stock
        self.turns = Turns(bounds)
        self.found = Found()
        self._lives: list[Life] = []
        self._number: dict[object, int] = {}
        self._faces: list[int] = []
        self._face: list[Face] = []
        self._face_number: dict[Face, int] = {}
        self._judged: dict[tuple[int, ...], tuple[list[str], list[str]]] = {}
        self._faults: list[tuple[str, ...]] = []
        self._rare: list[tuple[str, ...]] = []
        self._over: list[bool] = []
        self._shelves: list[Shelf] = []
        self._shelf_number: dict[Shelf, int] = {}
        self._mirror: dict[int, int] = {}
        self._moves: dict[tuple[int, int, bool], list[_Move]] = {}
        life = Life(
            now=Moment(),
            story=Story(payment_attempts=payment_attempts),
            cards=cards,
            extensions=extensions,
        )
        first = self._numbered(life)
        common = self._shelf_numbered(shelf(stock=stock, limit=limit))
        self._states: list[State] = [(*(first,) * checkouts, common, troubles)]
        self._found_from = array("l", [-1])
        self._edges = (array("l"), array("l"))

    def run(self) -> Found:
        """Visit every state there is."""
        seen = {self._states[0]: 0}
        at = 0
        while at < len(self._states):
            self._look(at)
            for there, move in self._following(at):
                number = seen.setdefault(there, len(self._states))
                if number == len(self._states):
                    self._states.append(there)
                    self._found_from.append(at)
                if move.by_itself:
                    self._edges[0].append(at)
                    self._edges[1].append(number)
            at += 1
        self.found.states, self.found.lives = len(self._states), len(self._lives)
        self._find_stuck()
        return self.found

    def _following(self, at: int) -> Iterator[tuple[State, _Move]]:
        *lives, common, left = self._states[at]
        for place, life in enumerate(lives):
            own = common if place == 0 else self._mirrored(common)
            for troubles in (False, True) if left else (False,):
                for move in self._moves_of(life, own, troubles):
                    if move.promise is not None:
                        self._broken(move.promise, at, move.what)
                        continue
                    after = self._with(lives, place, move)
                    yield (*after, left - troubles), move

    def _with(self, lives: list[int], place: int, move: _Move) -> tuple[int, ...]:
        """Put a life in its place, and the lives in order."""
        common = move.common if place == 0 else self._mirrored(move.common)
        if len(lives) == 1:
            return (move.life, common)
        other = lives[1 - place]
        if (other > move.life) is (place == 0) or other == move.life:
            return (move.life, other, common) if place == 0 else (other, move.life, common)
        common = self._mirrored(common)
        return (other, move.life, common) if place == 0 else (move.life, other, common)

    def _moves_of(self, life: int, common: int, troubles: bool) -> list[_Move]:
        moves = self._moves.get((life, common, troubles))
        if moves is None:
            turns = self.turns.of(self._lives[life], self._shelves[common], troubles=troubles)
            moves = [self._move(turn, life, common) for turn in turns]
            self._moves[life, common, troubles] = moves
        return moves

    def _move(self, turn: Turn | Breach, life: int, common: int) -> _Move:
        if isinstance(turn, Breach):
            return _Move(what=turn.what, life=life, common=common, promise=turn.promise)
        return _Move(
            what=turn.what,
            life=self._numbered(turn.life),
            common=self._shelf_numbered(turn.common),
            by_itself=turn.by_itself,
        )

    def _numbered(self, life: Life) -> int:
        number = self._number.setdefault(life.key(), len(self._lives))
        if number == len(self._lives):
            self._lives.append(life)
            self._faces.append(self._face_numbered(face_of(life)))
            self._faults.append(tuple(broken_in(life)))
            self._rare.append(tuple(rare_in(life)))
            self._over.append(life.over)
        return number

    def _face_numbered(self, face: Face) -> int:
        number = self._face_number.setdefault(face, len(self._face))
        if number == len(self._face):
            self._face.append(face)
        return number

    def _shelf_numbered(self, common: Shelf) -> int:
        number = self._shelf_number.setdefault(common, len(self._shelves))
        if number == len(self._shelves):
            self._shelves.append(common)
        return number

    def _mirrored(self, common: int) -> int:
        if common not in self._mirror:
            self._mirror[common] = self._shelf_numbered(self._shelves[common].mirrored())
        return self._mirror[common]

    # What must hold

    def _look(self, at: int) -> None:
        *numbers, common, _ = self._states[at]
        for number in numbers:
            for promise in self._faults[number]:
                self._broken(promise, at)
        self.found.rare.update({name for number in numbers for name in self._rare[number]})
        faults, rare = self._together(common, [self._faces[number] for number in numbers])
        for promise in faults:
            self._broken(promise, at)
        self.found.rare.update(rare)
        if all(self._over[number] for number in numbers):
            statuses = sorted(str(self._lives[number].now.status) for number in numbers)
            self.found.endings[" and ".join(statuses)] += 1

    def _together(self, common: int, faces: list[int]) -> tuple[list[str], list[str]]:
        """Judge lives by their faces: there are few, and each pair is judged once for a shelf."""
        key = (common, *faces)
        if key not in self._judged:
            shown, on_shelf = [self._face[number] for number in faces], self._shelves[common]
            faults = list(broken_together(shown, on_shelf, self.units))
            rare = list(rare_together(shown[0], shown[1], on_shelf)) if len(shown) > 1 else []
            self._judged[key] = (faults, rare)
        return self._judged[key]

    def _broken(self, promise: str, at: int, what: str | None = None) -> None:
        assert promise.partition(":")[0] in PROMISES, promise
        if promise not in self.found.broken:
            self.found.broken[promise] = [*self._way(at), *([what] if what else [])]

    def _find_stuck(self) -> None:
        """Go back from the ends by what happens by itself: whence no way leads to one is stuck."""
        alive = bytearray(all(self._over[life] for life in lives) for *lives, _, _ in self._states)
        before, after = self._edges
        found = True
        while found:
            found = False
            for edge in range(len(before) - 1, -1, -1):
                if alive[after[edge]] and not alive[before[edge]]:
                    alive[before[edge]] = found = True
        at = alive.find(0)
        if at >= 0:
            self._broken(STUCK, at, "and from here nothing leads to an end")

    # How it came to that

    def _way(self, at: int) -> list[str]:
        states = [at]
        while (before := self._found_from[states[-1]]) >= 0:
            states.append(before)
        states.reverse()
        return [self._step(*pair) for pair in pairwise(states)]

    def _step(self, before: int, after: int) -> str:
        for there, move in self._following(before):
            if there == self._states[after]:
                return move.what
        raise AssertionError
