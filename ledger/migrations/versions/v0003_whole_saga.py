"""The saga in full: what is owed to customers after the sale."""

from __future__ import annotations

from ledger.migrations.scripts import run_scripts

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Widen the ledger; what it holds stays as it is."""
    run_scripts("v0003_whole_saga_sql")
