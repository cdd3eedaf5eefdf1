"""Every movement of the design: what comes after the sale, corrections, transfers, and documents that wait."""

from __future__ import annotations

from ledger.migrations.scripts import run_scripts

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Widen the ledger; what it holds stays as it is."""
    run_scripts("v0002_every_movement_sql")
