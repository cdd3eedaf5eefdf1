"""Crash points are named once, passed in order, and inert unless something is armed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger import crash_points
from ledger.crash_points import Around, Place, arm, named, passing, passing_together


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """Give what was passed while armed, on a list of places of its own."""
    passed: list[tuple[str, str]] = []

    async def note(place: str, of: str) -> None:
        passed.append((place, of))

    before = crash_points._armed
    monkeypatch.setattr(crash_points, "_places", set[Place]())
    arm(note)
    yield passed
    arm(before)


async def test_what_is_done_is_passed_around(met: list[tuple[str, str]]) -> None:
    """Before it begins, and when it is done."""
    shipping = Around("shipping")
    async with shipping("co_1"):
        assert met == [("shipping.before", "co_1")]
    assert met == [("shipping.before", "co_1"), ("shipping.after", "co_1")]


async def test_what_failed_is_not_passed_as_done(met: list[tuple[str, str]]) -> None:
    """There is nothing that nobody was told of."""
    shipping = Around("shipping")
    with pytest.raises(OSError, match="no lorry"):
        async with shipping("co_1"):
            raise OSError("no lorry")
    assert met == [("shipping.before", "co_1")]


async def test_a_batch_is_passed_once_for_each(met: list[tuple[str, str]]) -> None:
    """However often one of them is named."""
    await passing_together(named("booked"), ["co_1", "co_2", "co_1"])
    assert met == [("booked", "co_1"), ("booked", "co_2")]


async def test_nothing_is_asked_where_nothing_is_armed(met: list[tuple[str, str]]) -> None:
    """Not even whom it is about: it costs nobody anything."""
    place = named("booked")
    arm(None)

    def whom() -> Iterator[str]:
        pytest.fail("somebody asked")
        yield ""

    await passing_together(place, whom())
    await passing(place, "co_1")
    assert met == []


def test_a_name_is_given_once(met: list[tuple[str, str]]) -> None:
    """Who dies at one of two places of a name has shown nothing about the other."""
    named("booked")
    with pytest.raises(ValueError, match="booked already"):
        named("booked")
    assert crash_points.places() == {"booked"}
