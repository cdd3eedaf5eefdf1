"""The one write path: a batch of commands in one transaction, each answered; callers meet in `group_commit.py`.

In this order, each step sorted so that no two batches wait for each other crosswise: claim the
operation keys, lock checkouts, transfers and returns, then stock, read, decide, write, commit.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.commands import Command
from ledger.crash_points import Around, passing_together
from ledger.errors import Broken, KeyConflict, LedgerError, Refused, Transient
from ledger.group_commit import MOST_AT_ONCE, MOST_WAITING, POSTERS, GroupCommit
from ledger.loading import load, unmake_rows
from ledger.rules import decide
from ledger.statements import Statements
from ledger.world import World
from ledger.writing import write

ATTEMPTS = 5
"""How often one post is tried where nothing was decided. A lost COMMIT is among them: the same keys are
posted again, which waits behind a commit still under way and then reads its answer."""

PATIENCE_SECONDS = 8.0
"""How long a batch is tried in parts, and one command again. Who sits on one row must not keep the callers of all
others waiting: what is left is told to come back."""

PAUSE_SECONDS = 0.05
"""Before the second attempt; each further pause is twice as long, and all are drawn at random up to that."""

COMMIT = Around("ledger.commit")
"""Before COMMIT is sent, and when it is acknowledged but nobody is answered."""

_RETRIED_STATES = frozenset(
    {"40P01", "40001", "55P03", "08006", "08001", "57P01", "57P02", "57P03"}
)
"""Deadlock, serialization failure, lock timeout, connection lost, server shutting down or starting."""

_TOOK_TOO_LONG = frozenset({"55P03", "57014"})
"""Lock and statement timeout: somebody sits on a row, or one question takes too long. Those of a batch who want
neither need not wait for it again."""

_PASSING_STATES = frozenset({"57014", "53100", "53200", "53300", "25P03", "25006"})
"""Statement timeout; disk, memory or connections used up; idle too long; read-only after a failover: the caller
should come back later."""

_CONSTRAINT_REFUSALS = {"checkout_one_live_per_cart": "cart-busy"}
"""What a race past the rules means in the rules' words."""

_CLAIM = text("""
INSERT INTO operation (key, fingerprint)
SELECT key, decode(fingerprint, 'hex')
FROM json_to_recordset(:rows) AS o(key text, fingerprint text)
ORDER BY key
ON CONFLICT (key) DO NOTHING
RETURNING key
""")

_STORED = text("SELECT key, fingerprint, outcome FROM operation WHERE key = ANY(:keys)")

_ANSWER = text("""
UPDATE operation o
SET outcome = a.outcome, recorded_at = :now
FROM json_to_recordset(:rows) AS a(key text, outcome json)
WHERE o.key = a.key
""")

_UNCLAIM = text("DELETE FROM operation WHERE key = ANY(:keys)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one command: a body, or the error that refused it."""

    body: Mapping[str, Any] = field(default_factory=dict)
    error: LedgerError | None = None
    replayed: bool = False
    """True where this is the first answer again and nothing was done."""
    waiting: bool = False
    """True where a document waits for its predecessor: kept in the inbox, and not as an operation."""

    def accepted(self) -> Mapping[str, Any]:
        """Give the body, or raise what refused the command."""
        if self.error is not None:
            raise self.error
        return self.body


class Ledger:
    """The ledger as its callers see it: post commands, get answers.

    Whatever is posted while a batch is under way goes into the next one together: at most
    `most_at_once` in one transaction, `posters` transactions at once, and `most_waiting` behind them.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        most_waiting: int = MOST_WAITING,
        most_at_once: int = MOST_AT_ONCE,
        posters: int = POSTERS,
    ) -> None:
        self.engine = engine
        self.retries = 0
        """Posts tried again since the start: deadlocks, lost connections. Watched as a metric."""
        self._group: GroupCommit[Command, Answer] = GroupCommit(
            self.post_batch, most_waiting=most_waiting, most_at_once=most_at_once, posters=posters
        )

    async def post(self, command: Command) -> Mapping[str, Any]:
        """Post one command, with others that wait, and give its answer.

        Raises Refused, KeyConflict, Transient (nothing decided, post it again; `busy` at once where
        too many wait) or Broken. A caller that is cancelled meanwhile does not know what became of it.
        """
        return (await self.answer(command)).accepted()

    async def answer(self, command: Command) -> Answer:
        """Post like `post`, and tell a replay from a first answer and a refusal. Raises Transient."""
        return await self._group.post(command)

    async def drained(self) -> None:
        """Wait until everything that was posted is answered: before the pool is closed."""
        await self._group.drained()

    async def post_batch(self, commands: Sequence[Command]) -> list[Answer]:
        """Post commands in one transaction of their own; each sees what the ones before it did.

        A refusal refuses one command. Any other failure, of the database or of ours, splits the
        batch, so that a poisonous command fails alone. Raises Transient where the database cannot
        be had at all; after a split it is the answer of those it belongs to.
        """
        if not commands:
            return []
        return await self._post(commands, asyncio.get_running_loop().time() + PATIENCE_SECONDS)

    async def _post(self, commands: Sequence[Command], until: float) -> list[Answer]:
        try:
            return await self._post_patiently(commands, until)
        except Transient:
            raise
        except Exception as error:  # noqa: BLE001 - told to the caller of the one command it belongs to
            if len(commands) == 1:
                return [Answer(error=_told(error))]
        middle = len(commands) // 2
        parts = (commands[:middle], commands[middle:])
        return [answer for part in parts for answer in await self._part(part, until)]

    async def _part(self, commands: Sequence[Command], until: float) -> list[Answer]:
        if asyncio.get_running_loop().time() > until:
            return [Answer(error=Transient("busy")) for _ in commands]
        try:
            return await self._post(commands, until)
        except Transient as error:
            return [Answer(error=copy(error)) for _ in commands]

    async def _post_patiently(self, commands: Sequence[Command], until: float) -> list[Answer]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._committed(commands)
            except PoolTimeout as error:
                raise Transient("busy") from error
            except DBAPIError as error:
                if not _passes(error):
                    raise
                if _state(error) in _TOOK_TOO_LONG and len(commands) > 1:
                    self.retries += 1
                    raise
                if attempt == ATTEMPTS or _state(error) in _PASSING_STATES:
                    raise Transient("database-unavailable") from error
                if asyncio.get_running_loop().time() > until:
                    raise Transient("busy") from error
                self.retries += 1
                await asyncio.sleep(random.uniform(0, PAUSE_SECONDS * 2**attempt))  # noqa: S311
        raise AssertionError("unreachable")

    async def _committed(self, commands: Sequence[Command]) -> list[Answer]:
        async with self.engine.begin() as connection:
            answers = await post_in(connection, commands)
            await passing_together(COMMIT.before, _subjects(commands))
        await passing_together(COMMIT.after, _subjects(commands))
        return answers


async def post_in(connection: AsyncConnection, commands: Sequence[Command]) -> list[Answer]:
    """Post a batch inside the caller's transaction, which the caller commits."""
    statements = await Statements.on(connection)
    fingerprints: dict[str, bytes] = {}
    for command in commands:
        if command.key is not None and command.key not in fingerprints:
            fingerprints[command.key] = command.fingerprint()
    answers: dict[int, Answer] = {}
    claimed = await _claim(statements, fingerprints)
    stored = await _stored(statements, [key for key in fingerprints if key not in claimed])
    first_of: dict[str, int] = {}
    fresh: list[int] = []
    for index, command in enumerate(commands):
        key = command.key
        if key in stored:
            answers[index] = _replayed(command, *stored[key])
        elif key is None or key not in first_of:
            fresh.append(index)
            if key is not None:
                first_of[key] = index
    if fresh:
        batch = [commands[index] for index in fresh]
        world, decided = await _decided_together(statements, batch)
        answers |= zip(fresh, decided, strict=True)
        await write(statements, world)
        await _settle(statements, world, {key: answers[i] for key, i in first_of.items()}, commands)
    return [
        answers[i]
        if i in answers
        else _twin(commands[first_of[c.key or ""]], c, answers[first_of[c.key or ""]])
        for i, c in enumerate(commands)
    ]


async def _decided_together(
    statements: Statements, batch: Sequence[Command]
) -> tuple[World, list[Answer]]:
    """Decide one after the other; a second time where rows were made for what was then refused."""
    world = await load(statements, batch)
    answers = [_decided(world, command) for command in batch]
    empty = world.left_empty()
    if empty:
        await unmake_rows(statements)
        world = await load(statements, batch, without=empty)
        answers = [_decided(world, command) for command in batch]
    return world, answers


async def _claim(statements: Statements, fingerprints: Mapping[str, bytes]) -> set[str]:
    if not fingerprints:
        return set()
    rows = [{"key": key, "fingerprint": print_.hex()} for key, print_ in fingerprints.items()]
    result = await statements.execute(_CLAIM, {"rows": orjson.dumps(rows).decode()})
    return set(result.scalars())


async def _stored(statements: Statements, keys: list[str]) -> dict[str, tuple[bytes, Any]]:
    if not keys:
        return {}
    result = await statements.execute(_STORED, {"keys": keys})
    return {row.key: (row.fingerprint, row.outcome) for row in result}


def _replayed(command: Command, fingerprint: bytes, outcome: Any) -> Answer:
    if fingerprint != command.fingerprint():
        return Answer(error=KeyConflict("key-reused", key=command.key))
    if outcome is None:
        raise Broken("claim-without-answer", key=command.key)
    if "refused" in outcome:
        return Answer(error=Refused(outcome["refused"], **outcome["facts"]), replayed=True)
    return Answer(body=outcome["accepted"], replayed=True)


def _twin(first: Command, twin: Command, answer: Answer) -> Answer:
    if first.fingerprint() != twin.fingerprint():
        return Answer(error=KeyConflict("key-reused", key=twin.key))
    return replace(answer, replayed=True)


def _decided(world: World, command: Command) -> Answer:
    try:
        change = decide(world, command)
        world.apply(change, command.traceparent)
    except (Refused, KeyConflict, Broken) as error:
        return Answer(error=error)
    return Answer(body=change.answer, error=change.refusal, waiting=change.waiting)


async def _settle(
    statements: Statements,
    world: World,
    answers: Mapping[str, Answer],
    commands: Sequence[Command],
) -> None:
    remembering = {command.key for command in commands if command.remembers_refusal}
    kept: list[dict[str, Any]] = []
    taken_back: list[str] = []
    for key, answer in answers.items():
        if answer.waiting:
            taken_back.append(key)
        elif answer.error is None:
            kept.append({"key": key, "outcome": {"accepted": answer.body}})
        elif isinstance(answer.error, Refused) and key in remembering:
            refusal = {"refused": answer.error.code, "facts": answer.error.facts}
            kept.append({"key": key, "outcome": refusal})
        else:
            taken_back.append(key)
    if kept:
        rows = orjson.dumps(kept).decode()
        await statements.execute(_ANSWER, {"rows": rows, "now": world.now})
    if taken_back:
        await statements.execute(_UNCLAIM, {"keys": taken_back})


def _subjects(commands: Sequence[Command]) -> Iterator[str]:
    """Name the checkouts that are about to change."""
    return (checkout for command in commands for checkout in command.needs().checkouts)


def _passes(error: DBAPIError) -> bool:
    state = _state(error)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError)
    return error.connection_invalidated or state in _RETRIED_STATES | _PASSING_STATES


def _state(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _told(error: Exception) -> LedgerError:
    if isinstance(error, LedgerError):
        return error
    told = _refusal_of(error) if isinstance(error, DBAPIError) else Broken("not-storable")
    told.__cause__ = error
    return told


def _refusal_of(error: DBAPIError) -> LedgerError:
    diagnostic = getattr(error.orig, "diag", None)
    constraint = getattr(diagnostic, "constraint_name", None)
    if constraint in _CONSTRAINT_REFUSALS:
        return Refused(_CONSTRAINT_REFUSALS[constraint])
    return Broken("database-refused", constraint=constraint, sqlstate=_state(error))
