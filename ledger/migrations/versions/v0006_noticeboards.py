"""The noticeboards: what consumers keep of the events, beside the ledger and never part of it."""

from __future__ import annotations

from ledger.migrations.scripts import run_scripts

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add to the database; what it holds stays as it is."""
    run_scripts("v0006_noticeboards_sql")
