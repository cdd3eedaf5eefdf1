"""The warehouse board as it is asked for and told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from pydantic import ConfigDict, Field

from api.answers import Answer
from api.noticeboards.pages import is_name, page_token, read_page_token
from api.queries import QueryValue
from api.requests import is_moment, read_moment
from ledger import ids
from projections.board.reading import Entry, Place, Section, Sheet


class PickAnswer(Answer):
    """Units of an order that are to be sent from here, since the oldest of them were sold."""

    order_id: str
    sku: str
    quantity: int
    since: datetime


class InspectAnswer(Answer):
    """Units of a return that nobody has looked at, since it came."""

    return_id: str
    sku: str
    quantity: int
    since: datetime


class ReceiveAnswer(Answer):
    """Units of a transfer that are on their way here, since they left."""

    model_config = ConfigDict(serialize_by_alias=True)

    transfer_id: str
    sku: str
    quantity: int
    source: str = Field(alias="from")
    since: datetime


class BoardAnswer(Answer):
    """What a warehouse has to do, oldest first. Everything committed before `as_of` is in it.

    But for `dead_letters` events that could not be taken in, of all warehouses: 1,000 where there are more.
    `next` leads to what is left of the sections that go on; it is null where none does.
    """

    location: str
    pick: tuple[PickAnswer, ...]
    inspect: tuple[InspectAnswer, ...]
    receive: tuple[ReceiveAnswer, ...]
    next: str | None
    as_of: datetime | None
    age_ms: int | None
    dead_letters: int


def board_answer(location: str, sheet: Sheet) -> BoardAnswer:
    """Tell a page of each section."""
    entries = sheet.entries
    return BoardAnswer(
        location=location,
        pick=tuple(_pick(entry) for entry in entries.get(Section.PICK, ())),
        inspect=tuple(_inspect(entry) for entry in entries.get(Section.INSPECT, ())),
        receive=tuple(_receive(entry) for entry in entries.get(Section.RECEIVE, ())),
        next=_next(sheet.following) if sheet.following else None,
        as_of=sheet.shown.as_of,
        age_ms=sheet.shown.age_ms,
        dead_letters=sheet.shown.dead_letters,
    )


def _pick(entry: Entry) -> PickAnswer:
    place = entry.place
    return PickAnswer(order_id=place.id, sku=place.sku, quantity=entry.quantity, since=place.since)


def _inspect(entry: Entry) -> InspectAnswer:
    place = entry.place
    return InspectAnswer(
        return_id=place.id, sku=place.sku, quantity=entry.quantity, since=place.since
    )


def _receive(entry: Entry) -> ReceiveAnswer:
    place = entry.place
    return ReceiveAnswer.model_validate(
        {
            "transfer_id": place.id,
            "sku": place.sku,
            "quantity": entry.quantity,
            "from": entry.source,
            "since": place.since,
        }
    )


def _next(following: Mapping[Section, Place]) -> str:
    return page_token(
        {
            section.value: [place.since.isoformat(), place.id, place.sku]
            for section, place in following.items()
        }
    )


def _read_places(token: str) -> dict[Section, Place] | None:
    told = read_page_token(token)
    if not isinstance(told, dict) or not told or not set(told) <= set(Section):
        return None
    places = {Section(name): _place(place) for name, place in told.items()}
    found = {section: place for section, place in places.items() if place is not None}
    return found if len(found) == len(places) else None


def _place(told: object) -> Place | None:
    match told:
        case [str(since), str(name), str(sku)] if is_moment(since) and is_name(sku):
            moment = read_moment(since)
            return Place(moment, name, sku) if moment and is_name(name, long=True) else None
    return None


AfterPlaces = Annotated[
    dict[Section, Place] | None,
    Depends(
        QueryValue(
            "after",
            _read_places,
            rule="must be what an earlier answer gave as `next`",
            description="Where the page before ended: its `next`.",
            schema={"type": "string"},
        )
    ),
]
AtLocation = Annotated[
    str,
    Depends(
        QueryValue(
            "location",
            lambda name: name if is_name(name) else None,
            rule="must be there once, of letters, digits, _ and -, at most 64 of them",
            description="Whose board it is.",
            schema={"type": "string", "pattern": f"^{ids.ID_PATTERN}$"},
            required=True,
        )
    ),
]
