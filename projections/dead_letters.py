"""What a noticeboard could not take in: put aside with the reason, for a person to look at and to try again.

An event, or while it was filled a row of stock from one of its entries on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import psycopg
import structlog
from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from events.envelope import OURS, PREFIX, topic
from events.reading import UnreadableError
from ledger.transactions import in_transaction, rows_of
from projections.changes import UncountableError
from projections.generations import AVAILABILITY
from projections.notices import notify_skus

log = structlog.get_logger("projections")

PUT_ASIDE = Counter(
    "onhand_projection_dead_letters_total", "Events and rows put aside", ["projection", "code"]
)

_FILLING = "filling"

AT_ONCE = 1_000
"""Letters that are read together."""

_PUT = text("""
INSERT INTO projections.dead_letter AS d
  (projection, generation, position, topic, subject, code, body, attempts, state)
VALUES (:projection, :generation, :position, :topic, :subject, :code, :body, :attempts, 'open')
ON CONFLICT (projection, generation, position) DO UPDATE
SET code = excluded.code, attempts = d.attempts + excluded.attempts, tried_at = clock_timestamp()
WHERE d.state = 'open'
""")

SEQUENCE_TOLD = """(
  SELECT told[2]::bigint
  FROM regexp_match(encode(substring(d.body FROM 1 FOR 400), 'escape'), :ours) AS told
  WHERE told[1] = d.subject
)"""
"""SQL for the sequence that a letter `d` tells of its subject, `:ours` being how our events begin.

NULL for what does not begin so, or is of another subject than its topic. It is read as `escape` writes it, since
its bytes may be of no text, and from no further than an id can end.
"""

_ENTRY_TOLD = """(
  SELECT told[1]::bigint
  FROM regexp_match(encode(substring(d.body FROM 1 FOR 400), 'escape'), :entry) AS told
)"""

_ENTRY = r'^\{"sku":"[^"]*","location":"[^"]*","sequence":([0-9]{1,18}),'
"""How every entry begins that a filling puts aside: in the order of `projections.changes.ENTRY`."""

# A later event of the subject tells how things stand now, whatever the one that was put aside said. One that comes
# again after it may be older, and tells nothing of it; nor does it of a row that is stuck further on.
_OVERTAKEN = text(f"""
UPDATE projections.dead_letter AS d SET state = 'overtaken', tried_at = clock_timestamp()
FROM json_to_recordset(:heard) AS h (subject text, position bigint, sequence bigint)
WHERE d.projection = :projection AND d.generation = :generation AND d.state = 'open'
  AND d.subject = h.subject AND d.position < h.position
  AND CASE WHEN d.position < 0 THEN {_ENTRY_TOLD} <= h.sequence
           ELSE coalesce({SEQUENCE_TOLD} <= h.sequence, true) END
RETURNING d.subject
""")  # noqa: S608 - a constant of ours

_OPEN = text("""
SELECT projection, generation, position, topic, subject, code, body, attempts, first_at, tried_at
FROM projections.dead_letter
WHERE state = 'open' AND (CAST(:projection AS text) IS NULL OR projection = :projection)
  AND (projection, generation, position) > (:after, :after_generation, :after_position)
ORDER BY projection, generation, position
LIMIT :most
""")

_COUNTS = text("""
SELECT projection, count(*) AS open FROM projections.dead_letter WHERE state = 'open' GROUP BY projection
""")

_APPLIED = text("""
UPDATE projections.dead_letter SET state = 'applied', attempts = attempts + 1, tried_at = clock_timestamp()
WHERE projection = :projection AND generation = :generation AND position = :position AND state = 'open'
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One event of one noticeboard. `code` says why, `subject` what it was about: sku/location, or sku.

    `position` is the event's on the stream. What a filling put aside was read there by nobody: it has one below
    0, before every event of its subject. Such a one overtakes it where it tells as much as the entry, or more.
    """

    projection: str
    generation: int
    position: int
    topic: str
    subject: str
    code: str
    body: bytes
    attempts: int
    first_at: datetime | None = None
    tried_at: datetime | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        """Where it stands among all."""
        return self.projection, self.generation, self.position

    @property
    def sku(self) -> str:
        """Which sku it is about."""
        return self.subject.partition("/")[0]

    @property
    def location(self) -> str:
        """Which location, where it is about one."""
        return self.subject.partition("/")[2]

    @property
    def is_of_a_filling(self) -> bool:
        """Whether it is a row of stock from one of its entries on, and the body that entry."""
        return self.position < 0

    @property
    def place(self) -> str:
        """Where it was met, for a person."""
        return _FILLING if self.is_of_a_filling else str(self.position)

    def readable_body(self) -> str:
        """Give the event as text, whatever it is made of."""
        return self.body.decode(errors="backslashreplace")

    def told(self, *, with_body: bool) -> dict[str, object]:
        """Give it as JSON has it."""
        told: dict[str, object] = {
            "projection": self.projection,
            "generation": self.generation,
            "position": None if self.is_of_a_filling else self.position,
            "subject": self.subject,
            "code": self.code,
            "attempts": self.attempts,
            "first_at": self.first_at.isoformat() if self.first_at else None,
            "tried_at": self.tried_at.isoformat() if self.tried_at else None,
        }
        return {**told, "body": self.readable_body()} if with_body else told

    def cells(self) -> list[str]:
        """Give it as a row of a table."""
        return [
            self.projection,
            self.place,
            self.subject,
            self.code,
            str(self.attempts),
            self.first_at.isoformat(timespec="seconds") if self.first_at else "",
        ]


@dataclass(frozen=True, slots=True)
class Newest:
    """How far a subject was heeded: the latest position, and the highest sequence."""

    position: int
    sequence: int

    def with_another(self, position: int, sequence: int) -> Newest:
        """Take in one more."""
        return Newest(max(self.position, position), max(self.sequence, sequence))


class DeadLetters:
    """The table of them. All raise Transient where the database cannot be had."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Put aside, each once."""
        rows = [
            {
                "projection": letter.projection,
                "generation": letter.generation,
                "position": letter.position,
                "topic": letter.topic,
                "subject": letter.subject,
                "code": letter.code,
                "body": letter.body,
                "attempts": letter.attempts,
            }
            for letter in letters
        ]

        async def insert(connection: AsyncConnection) -> None:
            await connection.execute(_PUT, rows)
            # What is shown of these is in doubt from now on.
            doubted = [letter for letter in letters if letter.projection == AVAILABILITY]
            await notify_skus(connection, (letter.sku for letter in doubted))

        await in_transaction(self.engine, insert)
        for letter in letters:
            PUT_ASIDE.labels(letter.projection, letter.code).inc()
            log.error(
                "put aside",
                projection=letter.projection,
                position=letter.place,
                subject=letter.subject,
                code=letter.code,
            )

    async def overtake(self, projection: str, generation: int, heard: Mapping[str, Newest]) -> int:
        """Close what came before an event of its subject that was heeded, and tells no more; give how many."""
        rows = [
            {"subject": subject, "position": newest.position, "sequence": newest.sequence}
            for subject, newest in heard.items()
        ]

        async def update(connection: AsyncConnection) -> int:
            asked = {
                "projection": projection,
                "generation": generation,
                "heard": orjson.dumps(rows).decode(),
                "ours": OURS,
                "entry": _ENTRY,
            }
            closed = (await connection.execute(_OVERTAKEN, asked)).scalars().all()
            if closed and projection == AVAILABILITY:
                await notify_skus(connection, (subject.partition("/")[0] for subject in closed))
            return len(closed)

        return await in_transaction(self.engine, update)

    async def applied(self, letter: DeadLetter) -> None:
        """Close one that was heeded after all."""

        async def update(connection: AsyncConnection) -> None:
            await connection.execute(
                _APPLIED,
                {
                    "projection": letter.projection,
                    "generation": letter.generation,
                    "position": letter.position,
                },
            )
            if letter.projection == AVAILABILITY:
                await notify_skus(connection, [letter.sku])

        await in_transaction(self.engine, update)

    async def open(
        self, projection: str | None = None, *, after: DeadLetter | None = None, most: int = AT_ONCE
    ) -> list[DeadLetter]:
        """List the first that a person has to look at, of one noticeboard or all, in the order of the stream."""
        name, generation, position = after.key if after else ("", 0, 0)
        rows = await rows_of(
            self.engine,
            _OPEN,
            projection=projection,
            after=name,
            after_generation=generation,
            after_position=position,
            most=most,
        )
        return [DeadLetter(**row) for row in rows]

    async def all_open(self, projection: str | None, *, at_once: int = AT_ONCE) -> list[DeadLetter]:
        """List all of them, read page by page."""
        letters: list[DeadLetter] = []
        page = await self.open(projection, most=at_once)
        while page:
            letters += page
            page = await self.open(projection, after=page[-1], most=at_once)
        return letters

    async def counts(self) -> dict[str, int]:
        """Count them by noticeboard."""
        return {row["projection"]: row["open"] for row in await rows_of(self.engine, _COUNTS)}


def subject_of(topic: str) -> str:
    """Read from the topic what an event is about, whatever its body is like."""
    return "/".join(topic.removeprefix(f"{PREFIX}.").split(".")[1:])


def of_a_filling(
    projection: str, generation: int, number: int, *, subject: str, code: str, entry: bytes
) -> DeadLetter:
    """Put down a row of stock from an entry on: the filling's first, second, and so on."""
    return DeadLetter(
        projection=projection,
        generation=generation,
        position=-number,
        topic=topic(subject),
        subject=subject,
        code=code,
        body=entry,
        attempts=1,
    )


def reason_of(error: Exception) -> str:
    """Say why something cannot be taken in: the error's own code, the constraint it would break, or its kind."""
    if isinstance(error, UncountableError | UnreadableError):
        return error.code
    if isinstance(error, DBAPIError) and isinstance(error.orig, psycopg.Error):
        return error.orig.diag.constraint_name or type(error).__name__
    return type(error).__name__
