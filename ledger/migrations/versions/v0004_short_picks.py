"""Short picks: documents of a kind that the ledger did not know, and that may wait for their order."""

from __future__ import annotations

from ledger.migrations.scripts import run_scripts

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Widen the ledger; what it holds stays as it is."""
    run_scripts("v0004_short_picks_sql")
