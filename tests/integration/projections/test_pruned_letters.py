"""What was settled long ago is taken away, and nothing that a person has to look at."""

from __future__ import annotations

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from cli.main import app
from projections import pruning
from tests.copies import Database

MONTH = timedelta(days=30)
STATES = ("open", "overtaken", "applied", "rebuilt")


def nobody(_taken: int, _old: int) -> None:
    """Listen to no progress."""


@pytest.fixture
def letters(database: Database) -> Database:
    """Give letters of each state, all put aside long ago: tried last today, 29 days ago, and 31."""
    database.run(
        "INSERT INTO projections.generation (projection, generation, state, stream, live_at)"
        " VALUES ('board', 1, 'live', 's', now())"
    )
    database.run(
        "INSERT INTO projections.dead_letter"
        " (projection, generation, position, topic, subject, code, body, attempts, state, first_at, tried_at)"
        " SELECT 'board', 1, row_number() OVER (), 't', 'LAMP', 'no-event', '', 1, state,"
        "        now() - interval '50 days', now() - days * interval '1 day'"
        " FROM unnest(%s::text[]) AS state CROSS JOIN unnest(ARRAY[0, 29, 31]) AS days",
        list(STATES),
    )
    return database


def left(database: Database) -> dict[str, int]:
    """Count what is there by state."""
    counted = "SELECT state, count(*) FROM projections.dead_letter GROUP BY state"
    return dict(database.rows(counted))


def test_settled_ones_go_and_open_and_young_ones_stay(letters: Database) -> None:
    """By when they were settled, and not by when they were put aside."""
    told: list[tuple[int, int]] = []

    taken = pruning.prune(
        letters.owner_url, keep=MONTH, told=lambda *progress: told.append(progress)
    )

    assert (taken, told) == (3, [(3, 3)])
    assert left(letters) == {"open": 3, "overtaken": 2, "applied": 2, "rebuilt": 2}
    assert pruning.prune(letters.owner_url, keep=MONTH, told=nobody) == 0


def test_letters_go_in_groups_and_to_the_last_one(
    letters: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction holds more than a group."""
    monkeypatch.setattr(pruning, "AT_ONCE", 2)
    told: list[tuple[int, int]] = []

    pruning.prune(letters.owner_url, keep=MONTH, told=lambda *progress: told.append(progress))

    assert told == [(2, 3), (3, 3)]


def test_the_command_takes_them_with_the_events(letters: Database) -> None:
    """As long kept as those; somebody may say otherwise."""
    owner = {"DATABASE_OWNER_URL": letters.owner_url}

    done = CliRunner().invoke(app, ["prune"], env=owner)
    sooner = CliRunner().invoke(app, ["prune", "--keep-days", "7"], env=owner)

    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            "0 events that were older than 30 days are gone.",
            "3 dead letters that were settled longer ago are gone.",
        ],
    )
    assert sooner.stdout.splitlines()[1] == "3 dead letters that were settled longer ago are gone."
    assert left(letters) == {"open": 3, "overtaken": 1, "applied": 1, "rebuilt": 1}
