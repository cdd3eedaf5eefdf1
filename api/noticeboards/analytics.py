"""Analytics as they are asked for and told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends
from pydantic import ConfigDict, Field

from api.answers import Answer
from api.noticeboards.pages import is_name, page_token, read_page_token
from api.problems import malformed
from api.queries import Limit, QueryValue
from api.requests import EARLIEST, FUTURE_MOST, is_moment, read_moment
from ledger import ids
from projections.analytics.reading import LENGTH, Asked, By, Figures, Place, Report

SPAN_MOST = timedelta(days=92)
SPAN_USUAL = timedelta(days=1)
_PLACE_RULE = "must be what an earlier answer gave as `next`"


class FiguresAnswer(Answer):
    """What happened in a time, in units; `holds`, `orders` and `refusals` are counts of those.

    `on_hand` is what was on hand when the time began. `sold` was taken from stock for orders; of that,
    `cancelled` went back on sale and `missing` was not found. `lost` was wished for and refused for want of
    stock, by `refusals` checkouts. `conversion` and `expiry_rate` are of the units whose hold ended, and null
    where none did. `sell_through` is what was sold less `cancelled` and `missing`, of `on_hand` and `received`.
    """

    on_hand: int
    held: int
    holds: int
    released: int
    expired: int
    confirmed: int
    received: int
    sold: int
    orders: int
    cancelled: int
    missing: int
    shipped: int
    returned: int
    lost: int
    refusals: int
    conversion: float | None
    expiry_rate: float | None
    sell_through: float | None


class _OfBucket(Answer):
    begins: datetime
    sku: str


class BucketAnswer(FiguresAnswer, _OfBucket):
    """An hour or a day of a sku. One in which nothing happened is left out."""


class AnalyticsAnswer(Answer):
    """A page of buckets, oldest first, and what all of them come to: `totals` are told with the first page alone.

    Over all skus of a large shop they are null there, too: more would have to be added up than somebody waits for.

    `from` and `until` are the whole hours or days that were looked at. Everything committed before `as_of` is
    in it, but for `dead_letters` events that could not be taken in, of all skus: 1,000 where there are more.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    since: datetime = Field(alias="from")
    until: datetime
    by: By
    sku: str | None
    buckets: tuple[BucketAnswer, ...]
    totals: FiguresAnswer | None
    next: str | None
    as_of: datetime | None
    age_ms: int | None
    dead_letters: int


def analytics_answer(asked: Asked, report: Report) -> AnalyticsAnswer:
    """Tell a page."""
    following = report.following
    return AnalyticsAnswer.model_validate(
        {
            "from": asked.since,
            "until": asked.until,
            "by": asked.by,
            "sku": asked.sku,
            "buckets": tuple(
                BucketAnswer(begins=place.begins, sku=place.sku, **_told(figures))
                for place, figures in report.buckets
            ),
            "totals": FiguresAnswer(**_told(report.totals)) if report.totals else None,
            "next": page_token([asked.by, following.begins.isoformat(), following.sku])
            if following
            else None,
            "as_of": report.shown.as_of,
            "age_ms": report.shown.age_ms,
            "dead_letters": report.shown.dead_letters,
        }
    )


def _told(figures: Figures) -> dict[str, int]:
    return {name: getattr(figures, name) for name in FiguresAnswer.model_fields}


def _read_moment(text: str) -> datetime | None:
    moment = read_moment(text) if is_moment(text) else None
    if moment is None or not EARLIEST <= moment <= datetime.now(UTC) + FUTURE_MOST:
        return None
    return moment


def _read_by(text: str) -> By | None:
    return By(text) if text in set(By) else None


def _read_place(token: str) -> tuple[By, Place] | None:
    """Read in what steps a page was told, and where it ended: where one of these begins."""
    match read_page_token(token):
        case [str(steps), str(begins), str(sku)] if is_name(sku):
            by, moment = _read_by(steps), _read_moment(begins)
            if by and moment and moment == _begin(moment, by):
                return by, Place(moment, sku)
    return None


def _moment_query(name: str, description: str) -> QueryValue[datetime]:
    return QueryValue(
        name,
        _read_moment,
        rule="must be a time as in RFC 3339, with its zone, between the year 2000 and tomorrow",
        description=description,
        schema={"type": "string", "format": "date-time"},
    )


Since = Annotated[
    datetime | None,
    Depends(_moment_query("from", "The first moment; a day before `until`, where it is left out.")),
]
Until = Annotated[
    datetime | None,
    Depends(_moment_query("until", "The moment after the last; now, where it is left out.")),
]
InSteps = Annotated[
    By,
    Depends(
        QueryValue(
            "by",
            _read_by,
            rule="must be hour or day",
            description="How long a bucket is.",
            schema={"type": "string", "enum": [by.value for by in By], "default": By.HOUR.value},
            default=By.HOUR,
        )
    ),
]
OfSku = Annotated[
    str | None,
    Depends(
        QueryValue(
            "sku",
            lambda name: name if is_name(name) else None,
            rule="must be letters, digits, _ and -, at most 64 of them",
            description="The sku; all of them, where it is left out.",
            schema={"type": "string", "pattern": f"^{ids.ID_PATTERN}$"},
        )
    ),
]
AfterPlace = Annotated[
    tuple[By, Place] | None,
    Depends(
        QueryValue(
            "after",
            _read_place,
            rule=_PLACE_RULE,
            description="Where the page before ended: its `next`.",
            schema={"type": "string"},
        )
    ),
]


async def asked_of(  # noqa: PLR0917 - one for each thing that may be asked
    sku: OfSku, since: Since, until: Until, by: InSteps, after: AfterPlace, limit: Limit
) -> Asked:
    """Make a question of the query: whole hours or days, 92 of these at most. Raises Problem `malformed`."""
    steps, place = after or (by, None)
    if steps is not by:
        raise malformed("query.after", _PLACE_RULE)
    last = until or datetime.now(UTC)
    first = since or last - SPAN_USUAL
    if first >= last:
        raise malformed("query.until", "must be later than `from`")
    if last - first > SPAN_MOST:
        raise malformed("query.from", f"must be at most {SPAN_MOST.days} days before `until`")
    begins, ends = _begin(first, by), _begin(last, by)
    return Asked(
        since=begins,
        until=ends if ends == last else ends + LENGTH[by],
        by=by,
        sku=sku,
        after=place,
        limit=limit,
    )


def _begin(moment: datetime, by: By) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if by is By.HOUR else hour.replace(hour=0)


AskedOf = Annotated[Asked, Depends(asked_of)]
