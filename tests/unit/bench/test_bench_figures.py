"""Rates, latencies and ratios of rounds."""

from __future__ import annotations

import pytest

from bench.driving import drive, interleaved
from bench.figures import Contest, Load, Ratio, half_waited


def contest(*rates: float) -> Contest:
    """Make a contest of rounds at these rates."""
    loads = [Load(done=int(rate * 10), seconds=10, p50_ms=rate, p99_ms=1) for rate in rates]
    return Contest(name="one", title="one", loads=tuple(loads))


def test_a_ratio_is_the_median_of_its_rounds_own_ratios() -> None:
    """A slow minute of the machine slows both, and says nothing about either."""
    ratio = Ratio.between("one_vs_other", contest(100, 10, 90), contest(50, 5, 30))
    assert ratio.rounds == (2.0, 2.0, 3.0)
    assert ratio.value == 2.0


def test_a_ratio_may_be_one_of_waits() -> None:
    """By the p50 of each round."""
    ratio = Ratio.between("wait", contest(30, 10), contest(10, 10), of=half_waited)
    assert ratio.rounds == (3.0, 1.0)


def test_latencies_are_told_in_milliseconds() -> None:
    """Half of the callers waited less than the p50, nearly all less than the p99."""
    load = Load.of([0.001] * 98 + [0.1] * 2, seconds=2)
    assert (load.rate, load.p50_ms) == (50, 1)
    assert load.p99_ms == pytest.approx(100)
    assert Load.of([], seconds=1).rate == 0
    assert contest(30, 10, 20).p50_ms == 20


async def test_callers_stop_when_nothing_is_left() -> None:
    """Each posts the next one when its last is answered, and nobody posts one twice."""
    posted: list[int] = []

    async def post(number: int) -> None:
        posted.append(number)

    load = await drive(post, iter(range(7)), callers=3, seconds=60)
    assert sorted(posted) == list(range(7))
    assert load.done == 7


async def test_callers_stop_when_the_time_is_over() -> None:
    """What is not posted is left for the next round."""
    numbers = iter(range(100))

    async def post(_number: int) -> None: ...

    load = await drive(post, numbers, callers=2, seconds=0)
    assert load.done == 2
    assert next(numbers) == 2


class Runner:
    """Does nothing at all, and says when."""

    def __init__(self, name: str, diary: list[str]) -> None:
        self.name = self.title = name
        self.diary = diary
        self.prepared: list[int] = []

    async def prepare(self, count: int) -> None:
        """Note what is asked for."""
        self.prepared.append(count)

    async def run(self, seconds: float) -> Load:
        """Note the turn."""
        self.diary.append(self.name)
        return Load(done=int(100 * seconds), seconds=seconds, p50_ms=1, p99_ms=1)


async def test_contenders_take_turns_and_each_begins_once() -> None:
    """After a warm-up that does not count, prepared for what the warm-up showed and more."""
    diary: list[str] = []
    rivals = [Runner("ada", diary), Runner("bob", diary)]
    found = await interleaved(rivals, rounds=2, seconds=10, least_ready=5, told=lambda _text: None)
    assert diary == ["ada", "bob", "ada", "bob", "bob", "ada"]
    assert len(found["ada"].loads) == 2
    assert rivals[0].prepared == [5, 1_600, 1_200]
