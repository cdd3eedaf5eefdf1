"""What all documents of the warehouse share: one body under one id, and waiting for what comes first."""

from __future__ import annotations

from ledger.commands import DocumentCommand
from ledger.documents.values import Document, DocumentState
from ledger.errors import KeyConflict
from ledger.movements import Cause
from ledger.world import Change, World


def refuse_another_body(world: World, command: DocumentCommand) -> None:
    """Refuse a document under whose id another body waits, as if it had been booked: `key-reused`."""
    known = world.documents.get((command.document_kind, command.document_id))
    if (
        known is not None
        and known.state is DocumentState.WAITING
        and known.fingerprint != command.fingerprint()
    ):
        raise KeyConflict("key-reused", key=command.key)


def waits(command: DocumentCommand) -> Change:
    """Keep the document until its predecessor comes. Told again, it waits on."""
    return Change(
        answer={
            "status": "waiting",
            f"{command.document_kind.replace('-', '_')}_id": command.document_id,
            "waits_for": command.refers_to,
        },
        cause=document_cause(command),
        records=(_document(command, DocumentState.WAITING),),
        waiting=True,
    )


def applied(command: DocumentCommand) -> Document:
    """Say that the document is booked: it need not be kept whole any more."""
    return _document(command, DocumentState.APPLIED)


def document_cause(command: DocumentCommand) -> Cause:
    """Name the document as the cause of its movements."""
    return Cause(
        operation_key=command.key,
        kind=command.document_kind,
        id=command.document_id,
        actor=command.actor,
        occurred_at=command.occurred_at,
    )


def _document(command: DocumentCommand, state: DocumentState) -> Document:
    return Document(
        kind=command.document_kind,
        document_id=command.document_id,
        refers_to=command.refers_to,
        state=state,
        fingerprint=command.fingerprint(),
        actor=command.actor,
        occurred_at=command.occurred_at,
        body=command.body() if state is DocumentState.WAITING else None,
    )
