"""What all documents of the warehouse share: one body under one id, and waiting for what comes first."""

from __future__ import annotations

from ledger.commands import DocumentCommand, Ship
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


def waits(world: World, command: DocumentCommand) -> Change:
    """Keep the document until its predecessor comes. Told again, it waits on as it was first told."""
    return Change(
        answer={
            "status": "waiting",
            f"{command.document_kind.replace('-', '_')}_id": command.document_id,
            "waits_for": command.refers_to,
        },
        cause=document_cause(world, command),
        records=(_document(world, command, DocumentState.WAITING),),
        waiting=True,
    )


def applied(world: World, command: DocumentCommand) -> Document:
    """Say that the document is booked: it need not be kept whole any more."""
    return _document(world, command, DocumentState.APPLIED)


def document_cause(world: World, command: DocumentCommand, *, order_id: str | None = None) -> Cause:
    """Name the document as the cause of its movements, by whom and when it was first told."""
    first = _waiting(world, command)
    return Cause(
        operation_key=command.key,
        kind=command.document_kind,
        id=command.document_id,
        actor=first.actor if first else command.actor,
        occurred_at=first.occurred_at if first else command.occurred_at,
        order_id=order_id,
    )


def sent_early(world: World, order_id: str) -> bool:
    """Tell whether a shipment waits to be booked on this order: its units have left."""
    waiting = any(
        document.refers_to == order_id and document.state is DocumentState.WAITING
        for document in world.documents.values()
        if document.kind == Ship.document_kind
    )
    return waiting or order_id in world.sent_early


def _waiting(world: World, command: DocumentCommand) -> Document | None:
    known = world.documents.get((command.document_kind, command.document_id))
    return known if known and known.state is DocumentState.WAITING else None


def _document(world: World, command: DocumentCommand, state: DocumentState) -> Document:
    """Make the row. What waits keeps its first telling; untold, it happened when it was told, not when it is booked."""
    first = _waiting(world, command)
    keeps = state is DocumentState.WAITING
    occurred_at = first.occurred_at if first else command.occurred_at
    if keeps and occurred_at is None:
        occurred_at = world.now
    return Document(
        kind=command.document_kind,
        document_id=command.document_id,
        refers_to=command.refers_to,
        state=state,
        fingerprint=command.fingerprint(),
        actor=first.actor if first else command.actor,
        occurred_at=occurred_at,
        body={**command.body(), "occurred_at": occurred_at} if keeps else None,
    )
