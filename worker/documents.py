"""The loop over waiting documents: a shipment before its order is confirmed, an inspection before its return."""

from __future__ import annotations

import structlog
from prometheus_client import Counter

from ledger.documents.waiting import apply_due
from ledger.posting import Ledger

log = structlog.get_logger("worker.documents")

TRIED = Counter("onhand_waiting_documents_tried_total", "Waiting documents tried", ["outcome"])


class Documents:
    """Applies what waited when its predecessor has come."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    async def round(self) -> None:
        """Try every waiting document whose predecessor is there."""
        for tried in await apply_due(self.ledger):
            TRIED.labels(tried.outcome).inc()
            if tried.outcome not in ("applied", "waiting"):
                log.warning(
                    "document refused",
                    kind=tried.kind,
                    document_id=tried.document_id,
                    code=tried.outcome,
                )
