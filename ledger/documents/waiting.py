"""Documents that came before what they are about: posted again when it has come, until they are settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.commands import (
    DocumentCommand,
    Inspect,
    ReceiveTransfer,
    Ship,
    ShortPick,
    TakeBack,
)
from ledger.errors import KeyConflict, LedgerError, Refused, Transient
from ledger.posting import Ledger
from ledger.transactions import in_transaction, rows_of

_SHAPES: dict[str, TypeAdapter[Any]] = {
    command.document_kind: TypeAdapter(command)
    for command in (Ship, ShortPick, TakeBack, Inspect, ReceiveTransfer)
}

# Tried again when the predecessor changed since, with a margin: its time was read before its commit was
# seen. And once a minute in any case, for what no clock tells.
_DUE = text("""
SELECT kind, document_id, body
FROM (
  SELECT d.kind, d.document_id, d.body, d.tried_at,
         CASE d.kind
           WHEN 'inspection' THEN (SELECT recorded_at FROM returns WHERE return_id = d.refers_to)
           WHEN 'transfer-receipt' THEN (SELECT recorded_at FROM transfer WHERE transfer_id = d.refers_to)
           ELSE (SELECT updated_at FROM orders WHERE order_id = d.refers_to)
         END AS predecessor_changed_at
  FROM document d
  WHERE d.state = 'waiting'
) AS waiting
WHERE predecessor_changed_at > tried_at - interval '10 seconds'
   OR (predecessor_changed_at IS NOT NULL AND tried_at < clock_timestamp() - interval '1 minute')
ORDER BY tried_at
LIMIT :limit
""")

_REFUSE = text("""
UPDATE document
SET state = 'refused', reason = :reason, tried_at = clock_timestamp(), settled_at = clock_timestamp()
WHERE kind = :kind AND document_id = :document_id AND state = 'waiting'
""")

_PUT_OFF = text("""
UPDATE document
SET tried_at = clock_timestamp()
WHERE kind = :kind AND document_id = :document_id AND state = 'waiting'
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of a waiting document: `applied`, `waiting`, `unreadable`, or the code that refused it."""

    kind: str
    document_id: str
    outcome: str


def command_of(kind: str, body: Mapping[str, Any]) -> DocumentCommand:
    """Give the command again whose body was kept."""
    command: DocumentCommand = _SHAPES[kind].validate_python(body)
    return command


async def apply_due(ledger: Ledger, limit: int = 100) -> list[Tried]:
    """Post every document again whose predecessor has come, and settle it. Safe to run twice at once.

    One that is refused now is kept as refused, with the reason: whoever sent it was told that it waits.
    Raises Transient.
    """
    commands, tried = await _readable(ledger, await rows_of(ledger.engine, _DUE, limit=limit))
    answers = await ledger.post_batch(commands)
    for command, answer in zip(commands, answers, strict=True):
        if isinstance(answer.error, Transient):
            raise answer.error
        if answer.error is not None:
            await _settle(ledger, command, answer.error)
        outcome = "waiting" if answer.waiting else "applied"
        tried.append(
            Tried(
                kind=command.document_kind,
                document_id=command.document_id,
                outcome=answer.error.code if answer.error else outcome,
            )
        )
    return tried


async def _readable(
    ledger: Ledger, due: Sequence[RowMapping]
) -> tuple[list[DocumentCommand], list[Tried]]:
    """Give the commands again; a kind or body of another version is put off and does not stop the others."""
    commands, unreadable = [], []
    for row in due:
        named = {"kind": row["kind"], "document_id": row["document_id"]}
        try:
            commands.append(command_of(row["kind"], row["body"]))
        except (KeyError, ValidationError):
            await _run(ledger, _PUT_OFF, **named)
            unreadable.append(Tried(**named, outcome="unreadable"))
    return commands, unreadable


async def _settle(ledger: Ledger, command: DocumentCommand, error: LedgerError) -> None:
    named = {"kind": command.document_kind, "document_id": command.document_id}
    if isinstance(error, Refused | KeyConflict):
        await _run(ledger, _REFUSE, **named, reason=error.code)
    else:
        await _run(ledger, _PUT_OFF, **named)


async def _run(ledger: Ledger, statement: TextClause, **parameters: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(statement, parameters)

    await in_transaction(ledger.engine, work)
