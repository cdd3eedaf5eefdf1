"""Old news is taken away, and nothing that anybody still waits for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from cli.main import app
from ledger import pruning
from tests.copies import Database
from tests.integration.ledger.shop import Shop, broken_promises, open_shop
from tests.unit.ledger.cast import LAMP

MONTH = timedelta(days=30)
OLDER = "UPDATE outbox SET recorded_at = recorded_at - interval '40 days'"


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """Give a shop whose history may be put back in time: no promise could hold for it afterwards."""
    async with open_shop(database) as opened:
        yield opened


def nobody(_taken: int, _old: int) -> None:
    """Listen to no progress."""


def months_ago(shop: Shop) -> None:
    """Let everything so far have happened long ago. Only here: a movement is what it is."""
    shop.database.run("ALTER TABLE movement DISABLE TRIGGER USER")
    shop.database.run("UPDATE movement SET recorded_at = recorded_at - interval '40 days'")
    shop.database.run("ALTER TABLE movement ENABLE TRIGGER USER")
    shop.database.run(OLDER)


async def test_old_events_go_and_young_ones_and_those_that_wait_stay(shop: Shop) -> None:
    """And the promise that every movement left word knows from where on it holds."""
    await shop.stocked(1)
    await shop.stocked(1)
    months_ago(shop)
    shop.database.run("UPDATE outbox SET published_at = recorded_at WHERE sequence = 1")
    await shop.stocked(1)
    told: list[tuple[int, int]] = []

    taken = pruning.prune(
        shop.database.owner_url, keep=MONTH, told=lambda *progress: told.append(progress)
    )

    assert taken == 4
    assert told == [(4, 4)]
    left = shop.database.rows("SELECT subject, sequence FROM outbox ORDER BY sequence")
    assert left == [(f"{LAMP}/BER1", 2), (f"{LAMP}/BER1", 3)]
    assert "I27_every_movement_left_word" not in broken_promises(shop.database)


async def test_what_was_out_only_lately_stays(shop: Shop) -> None:
    """After a long outage of the bus an old event is news to those who follow."""
    shop.database.run(OLDER)
    shop.database.run("UPDATE outbox SET published_at = now()")

    assert pruning.prune(shop.database.owner_url, keep=MONTH, told=nobody) == 0


async def test_what_was_marked_by_a_clock_that_had_gone_back_stays(shop: Shop) -> None:
    """The change is young, whatever is said of its event, and its movement is expected to have one."""
    await shop.stocked(1)
    shop.database.run("UPDATE outbox SET published_at = recorded_at - interval '40 days'")

    assert pruning.prune(shop.database.owner_url, keep=MONTH, told=nobody) == 0
    assert "I27_every_movement_left_word" not in broken_promises(shop.database)


async def test_what_is_missing_for_another_reason_is_still_found(shop: Shop) -> None:
    """The mark is a moment, not an excuse."""
    await shop.stocked(1)
    months_ago(shop)
    shop.database.run("UPDATE outbox SET published_at = recorded_at")
    pruning.prune(shop.database.owner_url, keep=MONTH, told=nobody)
    await shop.stocked(1)
    shop.database.run("DELETE FROM outbox WHERE sequence = 2")

    assert "I27_every_movement_left_word" in broken_promises(shop.database)


async def test_a_second_time_there_is_nothing_to_do_and_the_mark_never_goes_back(
    shop: Shop,
) -> None:
    """Somebody may keep more than was kept before: what is gone is gone."""
    pruning.prune(shop.database.owner_url, keep=MONTH, told=nobody)
    mark = "SELECT before FROM outbox_pruned"
    first = shop.database.value(mark)

    assert pruning.prune(shop.database.owner_url, keep=2 * MONTH, told=nobody) == 0
    assert shop.database.value(mark) == first


async def test_in_groups_and_to_the_last_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction holds more than a group."""
    monkeypatch.setattr(pruning, "AT_ONCE", 2)
    shop.database.run(OLDER)
    shop.database.run("UPDATE outbox SET published_at = recorded_at")
    told: list[tuple[int, int]] = []

    pruning.prune(shop.database.owner_url, keep=MONTH, told=lambda *progress: told.append(progress))

    assert told == [(2, 3), (3, 3)]


def test_less_than_a_day_is_refused() -> None:
    """A consumer that was away over night must find what it missed."""
    with pytest.raises(ValueError, match="a day at least"):
        pruning.prune("postgresql://nowhere", keep=timedelta(hours=23), told=nobody)


async def test_the_command_says_what_it_did(shop: Shop) -> None:
    """And the application may not do it."""
    shop.database.run(OLDER)
    shop.database.run("UPDATE outbox SET published_at = recorded_at WHERE subject = %s", LAMP)
    owner, application = shop.database.owner_url, shop.database.application_url

    done = CliRunner().invoke(app, ["prune"], env={"DATABASE_OWNER_URL": owner})
    refused = CliRunner().invoke(
        app, ["prune"], env={"DATABASE_OWNER_URL": "", "DATABASE_URL": application}
    )

    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            "1 events that were older than 30 days are gone.",
            "0 dead letters that were settled longer ago are gone.",
        ],
    )
    assert refused.exit_code != 0
